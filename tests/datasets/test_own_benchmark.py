"""A table of rows is a benchmark: its columns, its pictures beside it, and what is wrong with it."""

import json

import pytest

from mmk12.datasets.loader import load_samples, locate_dataset
from mmk12.datasets.own_benchmark import parse_columns, read_own_benchmark
from mmk12.datasets.registry import load_benchmark
from mmk12.errors import BadInput, MissingData
from mmk12.evaluation import pipeline
from mmk12.evaluation.pipeline import evaluate
from mmk12.types import DroppedSample, Gold
from mmk12.utils.images import ImageStore
from tests.conftest import Scripted, picture, response

ROWS = [
    {"id": "a", "question": "How long is the base?", "answer": "12 cm", "image": "figures/a.png"},
    {"id": 7, "question": "First <image>, then <image>: which is larger?", "answer": "B", "images": ["a.png", "b.png"],
     "choices": ["the first", "the second"]},
    {"question": "What is 2 + 2?", "answer": 4},
]  # fmt: skip


@pytest.fixture
def table(tmp_path):
    """Writes rows, and the pictures that they name."""

    def write(rows, name="mine.jsonl"):
        (tmp_path / "figures").mkdir(exist_ok=True)
        for file in ("figures/a.png", "a.png", "b.png"):
            (tmp_path / file).write_bytes(picture("red"))
        path = tmp_path / name
        text = json.dumps(rows) if name.endswith(".json") else "".join(json.dumps(row) + "\n" for row in rows)
        path.write_text(text, "utf-8")
        return path

    return write


def samples(benchmark, tmp_path):
    return list(load_samples(benchmark, locate_dataset(benchmark, None), ImageStore(tmp_path / "images")))


@pytest.mark.parametrize("name", ["mine.jsonl", "mine.json"])
def test_rows_become_items_without_a_raw_folder(table, tmp_path, name):
    benchmark = load_benchmark(str(table(ROWS, name)))
    assert (benchmark.name, benchmark.size) == ("mine", 3)
    base, larger, total = samples(benchmark, tmp_path)
    assert (base.id, base.question, base.gold.text) == ("mine/a", "<image>How long is the base?", "12 cm")
    assert (larger.id, len(larger.images)) == ("mine/7", 2)
    assert larger.gold == Gold("B", "choice", ("the first", "the second"))
    assert "the second" in larger.question
    assert (total.id, total.gold, total.images) == ("mine/row-2", Gold("4"), ())


def test_columns_may_have_other_names(table, tmp_path):
    rows = [{"nr": "1", "text": "Which?", "label": "yes", "pic": "a.png"}]
    columns = parse_columns("question=text, answer=label, images=pic, id=nr")
    (found,) = samples(read_own_benchmark(table(rows), columns), tmp_path)
    assert (found.id, found.gold.text, len(found.images)) == ("mine/1", "yes", 1)
    usual = parse_columns("question=text")
    assert usual.answer == ("answer", "solution"), "the others keep their names"


@pytest.mark.parametrize("text", ["question", "question=", "question=a,question=b", ""])
def test_columns_of_another_form_are_refused(text):
    with pytest.raises(BadInput, match="question=problem"):
        parse_columns(text)


def test_an_unknown_column_suggests_the_nearest():
    with pytest.raises(BadInput, match="Did you mean 'images'"):
        parse_columns("imges=a")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"question": "Which?"}, "malformed row"),
        ({"question": "Which?", "answer": ""}, "no answer"),
        ({"answer": "4"}, "malformed row"),
        ({"question": "Which?", "answer": "C", "choices": ["x", "y"]}, "malformed row"),
        ({"question": "Which?", "answer": "4", "image": "gone.png"}, "unusable image"),
        ({"question": "Which?", "answer": "4", "image": "../secret.png"}, "malformed row"),
    ],
)
def test_a_faulty_row_is_named_and_never_dropped_in_silence(table, tmp_path, row, reason):
    first, second = samples(read_own_benchmark(table([row, ROWS[2]])), tmp_path)
    assert isinstance(first, DroppedSample)
    assert first.reason == reason
    assert second.id == "mine/row-1"


def test_a_file_that_is_no_benchmark_says_why(table, tmp_path):
    with pytest.raises(MissingData, match=r"none\.jsonl"):
        load_benchmark(str(tmp_path / "none.jsonl"))
    with pytest.raises(BadInput, match="no row"):
        load_benchmark(str(table([])))
    with pytest.raises(BadInput, match="built-in"):
        load_benchmark(str(table(ROWS, "k12.jsonl")))


def test_from_nothing_to_a_number(table, tmp_path, monkeypatch):
    engine = Scripted(lambda request: response("$12$ cm" if "base" in request.prompt else "A"))
    monkeypatch.setattr(pipeline, "open_backend", lambda model, store, deployment: engine)
    done = evaluate("demo", [str(table(ROWS))], out=tmp_path / "run")
    result = done.results.benchmarks["mine"]
    assert (result.n, result.correct, result.mark) == (3, 1, "")
    assert "mine.jsonl" in (tmp_path / "run" / "report.md").read_text()
    with pytest.raises(BadInput, match="table of rows"):
        evaluate("demo", ["demo"], out=tmp_path / "other", columns=parse_columns("question=text"))
