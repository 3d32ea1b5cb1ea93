"""The first minutes with the command: the tour, the doctor, examples that can be pasted, mistakes refused at once."""

import json
import shlex
import subprocess
import sys

import pytest
import typer

from mmk12.cli import app
from mmk12.utils import machine
from tests.cli.test_cli import mmk12  # noqa: F401 - a fixture

COMMANDS = {command.name or command.callback.__name__.replace("_", "-") for command in app.registered_commands} | {
    command.name or command.callback.__name__.replace("_", "-")
    for group in app.registered_groups
    for command in group.typer_instance.registered_commands
}


def commands_in(text):
    """The commands of a help page or the tour, one a line."""
    return [line.split("   ")[0].strip() for line in text.splitlines() if line.strip().startswith("mmk12 ")]


def parse(arguments):
    """Parses a command line without running it."""
    command = typer.main.get_command(app)
    name, *rest = arguments
    command.commands[name].make_context(name, rest)


def test_the_bare_command_shows_a_tour_of_commands_that_exist(mmk12):  # noqa: F811
    result = mmk12()
    assert result.returncode == 0
    shown = commands_in(result.stdout)
    assert len(shown) >= 8
    for line in shown:
        parse(shlex.split(line)[1:])


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_example_stands_on_a_line_of_its_own_and_can_be_pasted(mmk12, monkeypatch, command):  # noqa: F811
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 200)
    shown = commands_in(mmk12(command, "-h").stdout.partition("Examples:")[2])
    assert shown, "a help page ends with examples"
    for line in shown:
        parse(shlex.split(line)[1:])


def test_short_options_are_the_long_ones(mmk12, tmp_path):  # noqa: F811
    assert (
        mmk12("plot", "sources", tmp_path, "-o", "x.jpg").stderr
        == mmk12("plot", "sources", tmp_path, "--out", "x.jpg").stderr
    )


def test_list_without_a_category_lists_the_categories(mmk12):  # noqa: F811
    rows = json.loads(mmk12("list", "--json").stdout)
    assert {"benchmarks", "recipes", "figures"} <= {row["category"] for row in rows}


def test_the_doctor_looks_at_this_machine(mmk12):  # noqa: F811
    result = mmk12("doctor", "--json")
    found = {row["name"]: row for row in json.loads(result.stdout)}
    assert {"mmk12", "python", "extra [hf]", "extra [gpu]", "hub cache", "disk"} <= set(found)
    assert any(name.startswith("GPU") for name in found)
    assert (result.returncode == 1) == any(row["state"] == "problem" for row in found.values())
    for row in found.values():
        assert row["state"] == "ok" or row["advice"], "what is not there comes with what to do"


def examined(tmp_path):
    return {finding.name: finding for finding in machine.examine(tmp_path)}


def test_the_doctor_names_what_an_extra_lacks(monkeypatch, tmp_path):
    needed = [
        "torch>=2.6; extra == 'hf'",
        "no-such-package>=1; extra == 'ray'",
        "httpx>=999; extra == 'openai'",
        "jinja2>=3",
    ]
    monkeypatch.setattr(machine.metadata, "requires", lambda name: needed)
    monkeypatch.setattr(machine, "_find_version", lambda name: {"torch": "2.13.0+cpu", "httpx": "0.28.1"}.get(name))
    found = examined(tmp_path)
    assert (found["extra [hf]"].state, found["extra [hf]"].found) == ("ok", "torch 2.13.0+cpu")
    assert found["extra [ray]"].found == "missing: no-such-package"
    assert "pip install 'mmk12[ray]'" in found["extra [ray]"].advice
    assert found["extra [openai]"].found == "missing: httpx>=999 (here: 0.28.1)"
    assert found["extra [convert]"].found == "nothing is needed on this Python"


@pytest.mark.parametrize(
    ("script", "state", "words"),
    [
        (
            "echo 'NVIDIA H100 80GB HBM3, 81559 MiB, 4 MiB, 550.54'",
            "ok",
            "NVIDIA H100 80GB HBM3, 81559 MiB, 4 MiB in use",
        ),
        ("echo 'no devices' >&2; exit 9", "problem", "nvidia-smi fails"),
    ],
)
def test_the_doctor_asks_the_driver(monkeypatch, tmp_path, script, state, words):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(machine.shutil, "which", lambda name: str(program))
    (finding,) = [one for name, one in examined(tmp_path).items() if name.startswith("GPU")]
    assert finding.state == state
    assert words in finding.found


def test_a_full_disk_is_a_problem(monkeypatch, tmp_path):
    monkeypatch.setattr(machine, "_LOW_DISK", float("inf"))
    assert examined(tmp_path)["disk"].state == "problem"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("eval", "-m", "nothere.jsonl"), "No file nothere.jsonl"),
        (("eval", "-m", "demo", "--engine", "foo=1"), "Unknown hf engine option 'foo'"),
        (("eval", "-m", "demo", "--backend", "hff"), "Unknown backend 'hff'"),
        (("eval", "-m", "demo", "--backend", "hf", "--tensor-parallel", "2"), "no tensor parallelism"),
        (("compare", "a", "b", "--out", "x.pdf"), ".md, .html or .csv"),
        (("plot", "training_curves", "a", "--out", "x.jpg"), ".png, .svg or .pdf"),
        (("plot", "training_curves", "a", "--preset", "poster"), "screen, column, page"),
        (("view", "--serve", "--out", "x.html"), "Leave out --out"),
    ],
)
def test_a_mistake_in_the_command_is_refused_before_anything_is_read(mmk12, monkeypatch, arguments, message):  # noqa: F811
    def read(*_arguments, **_options):
        raise AssertionError("data was read before the arguments were judged")

    monkeypatch.setattr("mmk12.evaluation.pipeline.load_benchmarks", read)
    result = mmk12(*arguments)
    assert result.returncode == 1
    assert message in result.stderr


def test_a_backend_that_is_not_installed_is_refused_before_anything_is_read(mmk12, monkeypatch):  # noqa: F811
    monkeypatch.setattr("mmk12.inference.find_spec", lambda name: None)
    result = mmk12("eval", "-m", "demo", "--backend", "vllm")
    assert result.returncode == 1
    assert "pip install 'mmk12[gpu]'" in result.stderr


def test_help_and_doctor_load_no_engine():
    code = (
        "import sys; sys.argv = ['mmk12', 'doctor']\n"
        "from mmk12.__main__ import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'transformers', 'pandas', 'matplotlib', 'vllm'} & set(sys.modules)\n"
        "print(sorted(heavy), file=sys.stderr)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert ran.stderr.strip().splitlines()[-1] == "[]"
