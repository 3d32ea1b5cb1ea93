"""The documentation as a site: no page is left out, commands can be pasted, the tutorial works, messages exist."""

import importlib
import json
import pkgutil
import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

import mmk12
from mmk12.cli import app
from mmk12.evaluation.run_folder import EvalRun

CLONE = Path(__file__).resolve().parents[1]
DOCS = CLONE / "docs"
BEGINNERS = ["index.md", "tutorial.md", "reward.md", "faq.md", "troubleshooting.md", "glossary.md"]


class IgnoreTags(yaml.SafeLoader):
    """Reads mkdocs.yml without the Python objects that it may name."""


def pages(nav):
    for entry in nav:
        for value in entry.values():
            yield from pages(value) if isinstance(value, list) else [value]


def test_every_page_stands_in_the_navigation():
    config = yaml.load((CLONE / "mkdocs.yml").read_text("utf-8"), IgnoreTags)  # noqa: S506 - a safe loader
    assert sorted(pages(config["nav"])) == sorted(path.name for path in DOCS.glob("*.md"))


def test_the_api_page_has_every_public_name():
    named = re.findall(r"^::: (\S+)$", (DOCS / "api.md").read_text("utf-8"), re.MULTILINE)
    modules = [name for name in named if (CLONE / f"{name.replace('.', '/')}.py").is_file()]
    assert modules == ["mmk12.types", "mmk12.errors"], "a function with the name of its module must be named in full"
    shown = [vars(importlib.import_module(module)) for module in modules]
    shown.append({name.rpartition(".")[2]: pkgutil.resolve_name(name) for name in named if name not in modules})
    public = {name: getattr(mmk12, name) for name in mmk12.__all__ if name != "__version__"}
    assert [name for name, value in public.items() if not any(page.get(name) is value for page in shown)] == []


def commands(page):
    """The commands in the indented blocks of a page, without the remark behind them."""
    text = (DOCS / page).read_text("utf-8")
    return [re.split(r"  +", line.strip())[0] for line in text.splitlines() if line.startswith("    mmk12 ")]


@pytest.mark.parametrize("page", [page for page in BEGINNERS if commands(page)])
def test_the_commands_of_a_page_are_accepted(page):
    for line in commands(page):
        name, *arguments = shlex.split(line)[1:]
        typer.main.get_command(app).commands[name].make_context(name, arguments)


def test_the_messages_of_the_troubleshooting_page_are_those_of_the_program():
    source = "".join(path.read_text("utf-8") for path in (CLONE / "mmk12").rglob("*.py"))
    source = re.sub(r'"\s*\n\s*f?"', "", source)  # messages run over several lines
    rows = re.findall(r"^\| `([^`]+)` \|", (DOCS / "troubleshooting.md").read_text("utf-8"), re.MULTILINE)
    assert len(rows) > 10
    assert [message for message in rows if message not in source] == []


def block(text, language, number=0):
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)[number]


def test_the_tutorial_works_as_it_is_written(tmp_path, monkeypatch):
    """Questions, benchmark file and saved answers are those of the page; two of the three answers are right."""
    text = (DOCS / "tutorial.md").read_text("utf-8")
    data = tmp_path / "my_data" / "my_questions"
    data.mkdir(parents=True)
    (data / "questions.jsonl").write_text(block(text, "json"), "utf-8")
    (tmp_path / "my_questions.py").write_text(block(text, "python"), "utf-8")
    (tmp_path / "answers.jsonl").write_text(block(text, "json", 1), "utf-8")
    monkeypatch.chdir(tmp_path)
    shown = commands("tutorial.md")
    for line in [line for line in shown if line.startswith(("mmk12 check", "mmk12 eval -m answers"))]:
        app(shlex.split(line)[1:], standalone_mode=False)
    result = EvalRun(Path("runs/first")).results().benchmarks["my_questions"]
    assert (result.n, result.correct, result.statuses) == (3, 2, {"correct": 2, "wrong": 1})
    assert (tmp_path / "runs" / "first" / "report.html").is_file()


def test_the_python_of_the_reward_page_runs(capsys):
    exec(compile(block((DOCS / "reward.md").read_text("utf-8"), "python"), "reward.md", "exec"), {})  # noqa: S102
    assert capsys.readouterr().out.startswith("correct")


def test_the_jsonl_of_the_tutorial_is_valid():
    text = (DOCS / "tutorial.md").read_text("utf-8")
    for number in range(2):
        for line in block(text, "json", number).splitlines():
            json.loads(line)
