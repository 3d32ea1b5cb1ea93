"""A benchmark from its files to results.json, on saved completions: both verdicts, sub-scores, and the same again."""

import json
from itertools import islice

import pytest

from mmk12.datasets.files import Files
from mmk12.datasets.registry import load_benchmark
from mmk12.errors import UnknownName
from mmk12.evaluation.pipeline import evaluate, score
from mmk12.utils.storage import to_json
from tests.conftest import picture

ROWS = [
    {"id": "1", "options": ["$1$", "$2$"], "answer": "B", "subject": "logic", "level": 1},
    {"id": "2", "options": [], "answer": "$\\frac{2}{55}$", "subject": "logic", "level": 2},
    {"id": "3", "options": [], "answer": "40", "subject": "algebra", "level": 2},
]
ANSWERS = {"1": "\\boxed{B}", "2": "\\boxed{\\frac{2}{56}}", "3": "\\boxed{40\\text{ cm}}"}


@pytest.fixture
def raw(tmp_path):
    folder = tmp_path / "raw" / "mathvision"
    (folder / "images").mkdir(parents=True)
    (folder / "data").mkdir()
    lines = []
    for row in ROWS:
        (folder / "images" / f"{row['id']}.jpg").write_bytes(picture(format_="JPEG"))
        lines.append(
            to_json({**row, "question": f"How many {row['id']}?\n<image1>", "image": f"images/{row['id']}.jpg"})
        )
    (folder / "data" / "test.jsonl").write_text("\n".join(lines) + "\n")
    saved = [to_json({"id": name, "response": text, "completion_tokens": 4}) for name, text in ANSWERS.items()]
    (tmp_path / "saved.jsonl").write_text("\n".join(saved) + "\n")
    return tmp_path / "raw"


def run(raw):
    out = raw.parent / "out"
    return evaluate(str(raw.parent / "saved.jsonl"), ["mathvision"], out=out, raw_dir=raw, allow_missing=True)


def verdicts(folder):
    return [json.loads(line) for line in (folder / "verdicts.jsonl").read_text("utf-8").splitlines()]


def test_both_verdicts_are_kept_and_counted(raw):
    done = run(raw)
    assert [(row["correct"], row["official"]) for row in verdicts(done.folder)] == [
        (True, True),
        (False, True),
        (True, False),
    ]
    found = done.results.benchmarks["mathvision"]
    official = found.official
    assert (found.accuracy, official.accuracy) == (0.666667, 0.666667)
    assert (official.agreement, official.only_strict, official.only_official) == (0.333333, 1, 1)
    assert {name: score.n for name, score in found.groups["subject × level"].items()} == {
        "algebra × 2": 1,
        "logic × 1": 1,
        "logic × 2": 1,
    }


def test_score_finds_the_rule_without_the_benchmark(raw):
    done = run(raw)
    before = (done.folder / "results.json").read_bytes()
    (raw / "mathvision" / "data" / "test.jsonl").unlink()
    assert score(done.folder).results == done.results
    assert (done.folder / "results.json").read_bytes() == before
    assert json.loads((done.folder / "run.json").read_text())["benchmarks"]["mathvision"]["official"] == "mathvision"


def test_a_rule_that_this_version_lacks_is_named(raw):
    folder = run(raw).folder
    settings = json.loads((folder / "run.json").read_text())
    settings["benchmarks"]["mathvision"]["official"] = "mathvison"
    (folder / "run.json").write_text(json.dumps(settings))
    with pytest.raises(UnknownName, match="Did you mean 'mathvision'"):
        score(folder)


def test_benchmarks_without_a_rule_have_no_official_number(raw, tmp_path):
    drafts = map(load_benchmark("demo").draft, load_benchmark("demo").rows(Files(None)))
    saved = tmp_path / "demo.jsonl"
    saved.write_text("".join(json.dumps({"id": draft.id, "response": "7"}) + "\n" for draft in islice(drafts, 2)))
    done = evaluate(str(saved), ["demo"], out=tmp_path / "demo", limit=2)
    assert done.results.benchmarks["demo"].official is None
    assert [row["official"] for row in verdicts(done.folder)] == [None, None]
