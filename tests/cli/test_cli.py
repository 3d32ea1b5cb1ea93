"""The command line as users see it: exit codes, one-line errors, JSON, help with examples."""

import json
import signal
import subprocess
import sys
import time
from typing import NamedTuple

import pytest
import typer

from mmk12.__main__ import main
from mmk12.cli import app
from mmk12.utils.storage import to_json
from tests.conftest import picture, response
from tests.evaluation.judges import judge_server
from tests.training_runs import ROLLOUTS, make_training_run


class CommandResult(NamedTuple):
    """Exit code and output of a command."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def mmk12(capsys, monkeypatch, tmp_path):
    """Runs the command in this process, as its console script does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    def run(*arguments: object) -> CommandResult:
        monkeypatch.setattr(sys, "argv", ["mmk12", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return CommandResult(code, *capsys.readouterr())

    return run


@pytest.fixture
def raw(tmp_path):
    """One invented K12 item."""
    folder = tmp_path / "raw" / "k12"
    (folder / "images").mkdir(parents=True)
    (folder / "images" / "1.png").write_bytes(picture())
    row = {"id": "q1", "question": "As shown, ___.", "answer": "$4$", "image_path": "images/1.png"}
    (folder / "k12.json").write_text(json.dumps([row]))
    return tmp_path / "raw"


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "saved.jsonl"
    path.write_text(to_json({"id": "q1", "response": response("$4$")}) + "\n")
    return path


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory):
    return make_training_run(tmp_path_factory.mktemp("runs") / "made-up", steps=3, prompts=3)


COMMANDS = (
    *("demo", "build-data", "eval", "score", "compare", "verify", "check", "overlap", "list", "plot", "report", "aha"),
    *("train", "merge", "convert"),
)


def test_help_shows_every_command(mmk12):
    assert set(COMMANDS) <= set(typer.main.get_command(app).commands)
    overview = mmk12("--help").stdout
    for command in typer.main.get_command(app).commands:
        assert command in overview


@pytest.mark.parametrize("command", sorted(typer.main.get_command(app).commands))
def test_the_help_of_a_command_ends_with_examples(mmk12, command):
    result = mmk12(command, "--help")
    assert result.returncode == 0
    ending = result.stdout.rpartition("╯")[2]  # what follows the table of options
    assert "Example" in ending
    assert f"mmk12 {command} " in ending


def test_eval_score_and_compare(mmk12, tmp_path, raw, saved):
    result = mmk12("eval", "--model", saved, "--raw-dir", raw, "--out", tmp_path / "run")
    assert result.returncode == 0, result.stderr
    assert "100.0" in result.stdout
    assert "report.html" in result.stdout
    scored = mmk12("score", tmp_path / "run", "--json")
    assert json.loads(scored.stdout)["benchmarks"]["k12"]["correct"] == 1
    compared = mmk12("compare", tmp_path / "run", tmp_path / "run", "--json")
    assert json.loads(compared.stdout)["benchmarks"]["k12"]["difference"] == 0


def test_a_run_without_answers_exits_with_1_and_shows_no_accuracy(mmk12, tmp_path, raw):
    with judge_server(lambda text: 401) as server:
        result = mmk12("eval", "--model", f"{server.url}#wise", "--raw-dir", raw, "--out", tmp_path / "run")
    assert result.returncode == 1
    assert "None of the 1 requests was answered, so there is no accuracy. First reason: the server answered 401" in (
        result.stderr
    )
    assert "0.0" not in result.stdout
    scored = mmk12("score", tmp_path / "run")
    assert (scored.returncode, "0.0 " in scored.stdout) == (1, False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("eval", "--model", "SAVED", "--benchmarks", "k21"), ("Unknown benchmark 'k21'", "Did you mean 'k12'")),
        (("eval", "--model", "SAVED", "--raw-dir", "nowhere"), ("nowhere is not a folder",)),
        (("eval", "--model", "SAVED"), ("no --raw-dir", "RAW_DIR/k12/")),
        (("eval", "--model", "./nowhere", "--raw-dir", "RAW"), ("No model folder at ./nowhere",)),
        (("eval", "--model", "nowhere.jsonl", "--raw-dir", "RAW"), ("No file nowhere.jsonl",)),
        (("score", "nowhere"), ("nowhere is not an evaluation run", "mmk12 eval")),
        (("compare", "nowhere", "nowhere"), ("nowhere is not an evaluation run",)),
        (("verify", "nowhere.jsonl"), ("No file nowhere.jsonl",)),
        (("verify", "BROKEN"), ("broken.jsonl:2: not valid JSON",)),
        (("build-data", "mm_eureka_9b"), ("Unknown recipe 'mm_eureka_9b'", "Did you mean 'mm_eureka_8b'")),
        (("build-data", "--raw-dir", "nowhere"), ("nowhere is not a folder",)),
        (("list", "benchmark"), ("Unknown category 'benchmark'", "Did you mean 'benchmarks'")),
        (("plot", "benchmrks", "x"), ("Did you mean 'benchmarks'",)),
        (("plot", "benchmarks", "nowhere"), ("No file nowhere/results.json",)),
        (("plot", "training_curves", "nowhere"), ("nowhere holds no training log",)),
        (("plot", "compare_runs", "RUN", "--metric", "nonsense"), ("None of the runs logged nonsense",)),
        (("plot", "groups", "RUN", "--metric", "kl"), ("The metrics of groups cannot be chosen",)),
        (("plot", "groups", "RUN", "--out", "groups.tex"), ("groups is an image, not a table",)),
        (("plot", "groups", "RUN", "--out", "groups.gif"), ("Cannot draw into groups.gif",)),
        (("report", "nowhere"), ("nowhere holds no training log",)),
        (("aha", "nowhere"), ("nowhere has no dumped responses",)),
        (("aha", "RUN", "--judge", "gpt-4o"), ("such as http://HOST:8000/v1#NAME",)),
        (("aha", "RUN", "--judge", "http://127.0.0.1:1/v1#x"), ("No usable server",)),
    ],
)
def test_mistakes_are_one_or_two_lines_and_exit_1(mmk12, tmp_path, raw, saved, trained_run, arguments, words):
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": 1, "response": "4", "gold": "4"}\n{"torn\n')
    places = {"SAVED": saved, "RAW": raw, "BROKEN": broken, "RUN": trained_run}
    result = mmk12(*(places.get(argument, argument) for argument in arguments))
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if not line.startswith(("load", "note"))]
    assert len(lines) <= 2
    for word in words:
        assert word in result.stderr


@pytest.mark.parametrize(
    "arguments", [(), ("evl",), ("eval",), ("eval", "--nonsense"), ("eval", "--model", "x", "--n", "0")]
)
def test_a_mistyped_command_exits_1(mmk12, arguments):
    result = mmk12(*arguments)
    assert result.returncode == (1 if arguments else result.returncode)
    assert "Traceback" not in result.stderr


def test_a_bug_of_ours_exits_2_with_its_traceback(tmp_path):
    code = "import mmk12.__main__ as command, mmk12.cli.listing; mmk12.cli.listing.list_names = None; command.main()"
    result = subprocess.run([sys.executable, "-c", code, "list", "prompts"], capture_output=True, text=True)
    assert result.returncode == 2
    assert "Traceback" in result.stderr
    assert "bug in mmk12" in result.stderr


def test_the_version(mmk12):
    from mmk12 import __version__

    assert mmk12("--version").stdout.strip() == __version__


@pytest.mark.parametrize("kind", ["benchmarks", "sources", "recipes", "figures", "prompts", "profiles"])
def test_list_is_a_table_or_json(mmk12, kind):
    rows = json.loads(mmk12("list", kind, "--json").stdout)
    assert rows
    assert rows[0]["name"] in mmk12("list", kind).stdout


def test_verify_keeps_order_and_names_every_verdict(mmk12, tmp_path):
    rows = [
        {"id": "a", "response": response("$4$"), "gold": "4"},
        {"id": "b", "response": response("$5$"), "gold": "4"},
        {"response": response("(B)"), "gold": "B", "choices": ["1", "2"]},
    ]
    (tmp_path / "in.jsonl").write_text("".join(to_json(row) + "\n" for row in rows))
    result = mmk12("verify", tmp_path / "in.jsonl", "--out", tmp_path / "out.jsonl")
    assert result.returncode == 0, result.stderr
    verdicts = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [(row["id"], row["correct"]) for row in verdicts] == [("a", True), ("b", False), (3, True)]
    assert set(verdicts[0]) == {"id", "status", "correct", "answer", "rule", "reason", "format_ok", "profile"}
    assert [json.loads(line) for line in mmk12("verify", tmp_path / "in.jsonl").stdout.splitlines()] == verdicts


@pytest.mark.parametrize("name", ["in.jsonl", "link.jsonl", "./in.jsonl"])
def test_verify_never_overwrites_its_input(mmk12, tmp_path, name):
    text = to_json({"id": "a", "response": response("$4$"), "gold": "4"}) + "\n"
    (tmp_path / "in.jsonl").write_text(text)
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "in.jsonl")
    result = mmk12("verify", tmp_path / "in.jsonl", "--out", f"{tmp_path}/{name}")
    assert result.returncode == 1
    assert "is the file of responses itself" in result.stderr
    assert (tmp_path / "in.jsonl").read_text() == text


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGKILL])
def test_a_job_that_is_ended_leaves_no_part_of_a_file(tmp_path, ending):
    """After a plain kill, the same command removes what is left."""
    rows = 400_000
    (tmp_path / "in.jsonl").write_text((to_json({"response": response("$4$"), "gold": "4"}) + "\n") * rows)
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-m", "mmk12", "verify", str(tmp_path / "in.jsonl"), "--out", f"{tmp_path}/out/v.jsonl"]
    job = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while not list((tmp_path / "out").iterdir()):
        assert job.poll() is None
        time.sleep(0.01)
    job.send_signal(ending)
    _, said = job.communicate(timeout=60)
    status = job.returncode
    left = list((tmp_path / "out").iterdir())
    if ending == signal.SIGKILL:
        assert len(left) == 1
        (tmp_path / "in.jsonl").write_text(to_json({"response": response("$4$"), "gold": "4"}) + "\n")
        subprocess.run(command, check=True, capture_output=True)
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["v.jsonl"]
    else:
        assert (left, status) == ([], 128 + ending)
        assert said.splitlines()[-1].startswith("Interrupted. What is finished is kept")


def test_a_pipe_that_closes_early_is_no_bug(tmp_path):
    (tmp_path / "in.jsonl").write_text((to_json({"response": response("$4$"), "gold": "4"}) + "\n") * 3000)
    line = f"{sys.executable} -m mmk12 verify {tmp_path / 'in.jsonl'} | head -1"
    result = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert json.loads(result.stdout)["status"] == "correct"
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_run_gives_the_same_figure(mmk12, tmp_path, raw, saved, suffix):
    mmk12("eval", "--model", saved, "--raw-dir", raw, "--out", tmp_path / "run")
    for name in ("a", "b"):
        result = mmk12("plot", "benchmarks", tmp_path / "run", "--out", tmp_path / f"{name}.{suffix}")
        assert result.returncode == 0, result.stderr
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    assert (tmp_path / f"a.{suffix}").stat().st_size > 1000


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_plot_draws_the_metrics_that_are_named(mmk12, trained_run, tmp_path, suffix):
    metrics = ("--metric", "gradient_norm", "--metric", "reward/no_answer/mean", "--metric", "no_answer")
    result = mmk12("plot", "compare_runs", trained_run, *metrics, "--out", tmp_path / f"x.{suffix}")
    assert (result.returncode, result.stdout.split()) == (0, ["wrote", str(tmp_path / f"x.{suffix}")]), result.stderr
    assert (tmp_path / f"x.{suffix}").stat().st_size > 1000


def test_plot_names_its_file_by_the_figure(mmk12, trained_run, tmp_path):
    assert mmk12("plot", "groups", trained_run).returncode == 0
    assert (tmp_path / "groups.png").is_file()


def test_report_makes_the_page_of_a_training_run(mmk12, trained_run, tmp_path, monkeypatch):
    monkeypatch.setattr("mmk12.run_report.page.FIGURES", {"groups": "Prompts that teach"})
    result = mmk12("report", trained_run)
    assert (result.returncode, result.stdout.split()[-1]) == (0, str(trained_run / "report.html")), result.stderr
    assert "3 steps, 1 launch" in (trained_run / "report.html").read_text()
    assert mmk12("report", trained_run, "--out", tmp_path / "page.html").returncode == 0
    assert (tmp_path / "page.html").read_bytes() == (trained_run / "report.html").read_bytes()


def test_aha_prints_a_table_and_makes_a_page(mmk12, trained_run, tmp_path):
    result = mmk12("aha", trained_run, "--out", tmp_path / "aha.html")
    assert result.returncode == 0, result.stderr
    assert f"look at: {tmp_path / 'aha.html'}" in result.stdout
    for kind in ("re-perception", "verification", "backtracking", "re-planning"):
        assert kind in result.stdout
        assert kind in (tmp_path / "aha.html").read_text()
    assert "genuine" not in result.stdout, "no judge was asked"
    assert f"{3 * 3 * ROLLOUTS} responses of 3 steps" in (tmp_path / "aha.html").read_text()


@pytest.mark.slow
def test_aha_keeps_the_opinions_of_a_judge(mmk12, tmp_path):
    pytest.importorskip("httpx", reason="a judge needs the openai extra")
    run = make_training_run(tmp_path / "run", steps=2, prompts=3)
    with judge_server(lambda text: "Yes" if "takes it back" in text else "what?") as server:
        result = mmk12("aha", run, "--judge", f"{server.url}#wise", "--judge-sample", "2")
    assert result.returncode == 0, result.stderr
    assert "note: " in result.stderr
    assert "neither Yes nor No" in result.stderr
    assert "judge: " in result.stderr, "progress"
    assert "genuine %" in result.stdout
    again = mmk12("aha", run)
    assert (again.returncode, again.stdout) == (0, result.stdout), "the server is gone, its opinions are kept"
