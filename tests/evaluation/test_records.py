"""Folders of earlier versions are read, later ones are refused, damaged ones named; a report can be made again."""

import json
import shutil
import sys
from pathlib import Path

import pytest

from mmk12.__main__ import main
from mmk12.errors import BadInput, MissingData
from mmk12.evaluation.compare import compare, list_cautions
from mmk12.evaluation.leaderboard import make_leaderboard
from mmk12.evaluation.pipeline import evaluate, score
from mmk12.evaluation.records import SCHEMA_VERSION, JudgedRow
from mmk12.evaluation.report import rebuild_report
from mmk12.evaluation.run_folder import EvalRun
from mmk12.utils.content import load_figure
from tests.conftest import response
from tests.runs import graded

OLD = Path(__file__).parent / "folders" / "0.1.0"
"""Three items of the demo, evaluated by mmk12 0.1.0: its run.json and results.json name no schema version."""
UNCHANGED = ("samples.jsonl", "completions.jsonl", "verdicts.jsonl")


@pytest.fixture
def old(tmp_path):
    """A copy of the old folder."""
    return shutil.copytree(OLD, tmp_path / "old")


def edit(path, change):
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def run_cli(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["mmk12", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code or 0


def test_the_old_folder_is_old():
    assert "schema_version" not in json.loads((OLD / "run.json").read_text())
    assert list(json.loads((OLD / "results.json").read_text())) == ["demo"]


def test_an_old_folder_is_read(old):
    run = EvalRun(old)
    settings = run.settings()
    assert (settings.schema_version, settings.mmk12, settings.prompt.name) == (SCHEMA_VERSION, "0.1.0", "instruct")
    assert run.results().benchmarks["demo"].correct == sum(row.correct for row in run.verdicts())
    assert len(run.items()) == run.results().benchmarks["demo"].n == 3


def test_score_brings_an_old_folder_to_the_current_schema(old):
    before = {name: (old / name).read_bytes() for name in UNCHANGED}
    results = EvalRun(old).results()
    assert score(old).results == results
    assert {name: (old / name).read_bytes() for name in UNCHANGED} == before
    for name in ("run.json", "results.json"):
        assert json.loads((old / name).read_text())["schema_version"] == SCHEMA_VERSION
    assert json.loads((old / "results.json").read_text())["benchmarks"]["demo"]["n"] == 3


def test_an_old_folder_is_compared_with_a_new_one(old, tmp_path):
    new = shutil.copytree(OLD, tmp_path / "new")
    score(new)
    found = compare(old, new).benchmarks["demo"]
    assert (found.n, found.difference, found.asked_differently) == (3, 0.0, ())
    assert list_cautions(old, new) == []
    assert [row.accuracy["demo"].accuracy for row in make_leaderboard([old, new]).runs] == [0.333333] * 2


def test_an_old_folder_is_drawn(old):
    for name in ("benchmarks", "results_table", "eval_over_checkpoints"):
        load_figure(name).figure([old])


def test_the_report_of_an_old_folder_is_that_of_a_new_one(old, tmp_path):
    new = score(shutil.copytree(OLD, tmp_path / "new")).folder
    for name in ("report.md", "report.html"):
        (old / name).unlink()
    assert rebuild_report(old) == old / "report.html"
    for name in ("report.md", "report.html"):
        assert (old / name).read_bytes() == (new / name).read_bytes()


def test_the_completions_of_an_old_folder_are_graded_anew(old, tmp_path):
    done = evaluate(str(old), ["demo"], out=tmp_path / "replayed", limit=3)
    assert done.generated == 3
    assert done.results.benchmarks["demo"].correct == EvalRun(old).results().benchmarks["demo"].correct


def test_an_old_run_is_continued_by_the_same_command(tmp_path):
    first = evaluate(str(OLD), ["demo"], out=tmp_path / "run", limit=3)
    edit(tmp_path / "run" / "run.json", lambda value: value.pop("schema_version"))
    results = json.loads((tmp_path / "run" / "results.json").read_text())["benchmarks"]
    (tmp_path / "run" / "results.json").write_text(json.dumps(results))
    again = evaluate(str(OLD), ["demo"], out=tmp_path / "run", limit=3)
    assert (again.generated, again.results) == (0, first.results)
    assert len(EvalRun(tmp_path / "run").settings().attempts) == 1


def test_a_run_of_0_2_0_had_one_limit_for_all_benchmarks(tmp_path):
    first = evaluate(str(OLD), ["demo"], out=tmp_path / "run", limit=3)

    def age(value):
        value.update(schema_version=1, limit=value["benchmarks"]["demo"].pop("limit"))
        value["benchmarks"]["demo"].pop("metrics")

    edit(tmp_path / "run" / "run.json", age)
    edit(tmp_path / "run" / "results.json", lambda value: value.update(schema_version=1))
    assert EvalRun(tmp_path / "run").settings().benchmarks["demo"].limit == 3
    assert EvalRun(tmp_path / "run").results() == first.results
    assert evaluate(str(OLD), ["demo"], out=tmp_path / "run", limit=3).results == first.results


@pytest.mark.parametrize("name", ["run.json", "results.json"])
def test_a_later_schema_is_refused_in_one_line(old, name):
    edit(old / name, lambda value: value.update(schema_version=SCHEMA_VERSION + 1))
    read = {"run.json": EvalRun(old).settings, "results.json": EvalRun(old).results}[name]
    with pytest.raises(
        BadInput,
        match=rf"has schema_version {SCHEMA_VERSION + 1}, and this mmk12 reads up to {SCHEMA_VERSION}\. Update mmk12",
    ) as caught:
        read()
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("run.json", lambda value: value.pop("prompt"), "(prompt: Field required). Restore it"),
        ("run.json", lambda value: value.update(n="many"), "(n: Input should be"),
        ("run.json", lambda value: value.update(schema_version="1"), "(schema_version: Input should be 2)"),
        ("run.json", lambda value: value["benchmarks"]["demo"].pop("size"), "(benchmarks.demo.size: Field required)"),
        ("results.json", lambda value: value["demo"].pop("ci95"), "(benchmarks.demo.ci95: Field required). Write it"),
        ("results.json", lambda value: value["demo"].update(extra=1), "(benchmarks.demo.extra: Extra inputs"),
    ],
)
def test_a_damaged_file_is_named_with_the_key(old, name, change, words):
    edit(old / name, change)
    read = {"run.json": EvalRun(old).settings, "results.json": EvalRun(old).results}[name]
    with pytest.raises(BadInput, match="is not what mmk12 eval writes") as caught:
        read()
    assert words in str(caught.value)
    assert str(old / name) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_verdict_is_named_with_its_row(old):
    text = (old / "verdicts.jsonl").read_text()
    (old / "verdicts.jsonl").write_text(text.replace('"status": "wrong"', '"status": "false"', 1))
    with pytest.raises(BadInput, match=r"verdicts\.jsonl, row \d .*\(status: Input should be 'correct'.*mmk12 score"):
        compare(old, old)


def test_verdicts_are_read_as_they_were_written(tmp_path):
    run = EvalRun(graded(tmp_path / "run", [response("$4$"), None], tags=[{"skills": ("a", "b")}] * 2))
    first, second = run.verdicts()
    assert (first.id, first.status, first.groups) == ("toy/0", "correct", {"skills": ("a", "b")})
    assert (second.status, second.rule, second.finish_reason) == ("error", "not asked", None)
    assert not isinstance(first, JudgedRow)
    before = (run.folder / "verdicts.jsonl").read_bytes()
    run.write_verdicts([first, second])
    assert (run.folder / "verdicts.jsonl").read_bytes() == before


def test_the_command_makes_the_report_of_an_evaluation_again(tmp_path, monkeypatch, capsys):
    folder = graded(tmp_path / "run", [response("$4$"), response("$5$"), None], tags=[{"skills": ("a", "b")}] * 3)
    before = {name: (folder / name).read_bytes() for name in ("report.md", "report.html")}
    for name in before:
        (folder / name).unlink()
    shutil.rmtree(folder / "thumbnails")
    assert run_cli(monkeypatch, "report", folder) == 0
    assert f"look at: {folder / 'report.html'}" in capsys.readouterr().out
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert run_cli(monkeypatch, "report", folder, "--out", tmp_path / "page.html") == 0
    assert (tmp_path / "page.html").read_bytes() == before["report.html"]
    assert run_cli(monkeypatch, "report", folder, "--data", tmp_path) == 1
    assert "--data is for training runs" in capsys.readouterr().err


def test_a_run_that_has_not_finished_has_no_report(old):
    (old / "verdicts.jsonl").unlink()
    with pytest.raises(MissingData, match="the run has not finished"):
        rebuild_report(old)


@pytest.mark.parametrize("name", ["verdicts.jsonl", "samples.jsonl"])
def test_files_that_an_interrupted_command_left_are_not_mixed(old, name):
    lines = (old / name).read_text().splitlines(keepends=True)
    (old / name).write_text("".join(lines[:-1]))
    with pytest.raises(BadInput, match="a command was interrupted"):
        rebuild_report(old)
    assert (old / "report.html").read_bytes() == (OLD / "report.html").read_bytes()
