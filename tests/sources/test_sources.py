"""Each source turns its publisher's rows into questions with the right gold, and broken rows into drops."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mmk12.content import load_source, names
from mmk12.images import ImageStore
from mmk12.load import load
from mmk12.sources._rows import in_dollars, last_boxed, tight
from mmk12.types import IMAGE_MARK, Dropped, Sample
from tests.conftest import picture


def read(name: str, raw: Path, tmp_path: Path) -> list[Sample | Dropped]:
    return list(load(load_source(name), raw, ImageStore(tmp_path / "images")))


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so $x = \boxed{7}$.", "7"),
        (r"\boxed{1} and then \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{1} and then \boxed{2", "1"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{ 5 }}", "5"),
        (r"\fbox{5}", "5"),
        (r"\boxed{\boxed{3}}", "3"),
        (r"a \\boxed{3}", None),
        ("no box", None),
    ],
)
def test_last_boxed(text, answer):
    assert last_boxed(text) == answer


def test_last_boxed_is_linear():
    assert last_boxed("\\boxed{" * 200_000) is None
    assert last_boxed("}" * 200_000 + "\\boxed{1}") == "1"


def test_tight_and_in_dollars():
    assert tight(r"\frac { 2 \sqrt { 2 } } { 5 }") == r"\frac{2 \sqrt{2}}{5}"
    assert tight("x ^ 2") == "x^2"
    assert in_dollars("7") == "$7$"
    assert in_dollars("$7$ cm") == "$7$ cm"


MATH_ROW = {"problem": "What is $1+1$?", "level": "Level 1", "type": "Algebra", "solution": r"It is $\boxed{2}$."}


@pytest.mark.parametrize("folder", ["math/MATH/train", "math/train"])
def test_math(tmp_path, folder):
    train = tmp_path / "raw" / folder / "algebra"
    write_json(train / "10.json", MATH_ROW)
    write_json(train / "2.json", MATH_ROW | {"problem": "And $2+2$?", "solution": r"\boxed{\frac{8}{2}}"})
    write_json(train / "11.json", MATH_ROW | {"solution": "no box"})
    write_json(train / "12.json", "{torn")
    write_json(train / "13.json", "[1]")
    write_json(tmp_path / "raw" / folder.replace("train", "test") / "algebra" / "1.json", MATH_ROW)
    two, ten, *dropped = read("math", tmp_path / "raw", tmp_path)
    assert (two.id, two.question, two.gold.text) == ("math/algebra/2", "And $2+2$?", r"$\frac{8}{2}$")
    assert (ten.id, ten.images, ten.tags) == ("math/algebra/10", (), {"topic": "Algebra", "level": "Level 1"})
    assert [drop.reason for drop in dropped] == ["malformed row", "broken line", "broken line"]
    assert "12.json" in dropped[1].evidence


GEOMETRY_ROW = {
    "id": 7,
    "annotat_text": "Find $x$.",
    "choices": ["1", r"5 \sqrt { 2 }", "3", "4"],
    "answer": "B",
    "problem_type_graph": ["Circle", "Line"],
    "problem_type_goal": ["Length"],
    "data_type": "train",
}


def test_geometry3k(tmp_path):
    train = tmp_path / "raw" / "geometry3k" / "train"
    for number, change in enumerate([{}, {"answer": "E"}, {"answer": ""}, {"answer": "@"}, {"choices": None}]):
        write_json(train / str(number) / "data.json", GEOMETRY_ROW | change)
        (train / str(number) / "img_diagram.png").write_bytes(picture("red"))
    write_json(train / "9" / "data.json", GEOMETRY_ROW)
    good, *dropped = read("geometry3k", tmp_path / "raw", tmp_path)
    assert (good.id, good.question, good.gold.text) == ("geometry3k/0", f"{IMAGE_MARK}Find $x$.", r"$5 \sqrt{2}$")
    assert good.tags == {"topic": "Length", "shape": "Circle, Line"}
    assert len(good.images) == 1
    assert [drop.reason for drop in dropped] == ["malformed row"] * 4 + ["unusable image"]


def test_k12_train_reads_train_files_only(tmp_path):
    data = tmp_path / "raw" / "k12_train" / "data"
    data.mkdir(parents=True)
    rows = [
        {"id": "a", "question": "Then ___.", "answer": "$2$", "image": {"bytes": picture(), "path": None}},
        {"id": "b", "question": "And ___.", "answer": "$3$", "image": None},
        {"id": "c", "question": "Or ___.", "answer": "$3$", "image": {"bytes": b"torn", "path": "c.png"}},
    ]
    pq.write_table(pa.Table.from_pylist(rows), data / "train-00000-of-00001.parquet")
    pq.write_table(pa.Table.from_pylist([rows[0] | {"id": "t"}]), data / "test-00000-of-00001.parquet")
    first, second, third = read("k12_train", tmp_path / "raw", tmp_path)
    assert (first.id, first.question, first.gold.text) == ("k12_train/a", f"{IMAGE_MARK}Then ___.", "$2$")
    assert (second.id, second.images) == ("k12_train/b", ())
    assert (third.id, third.reason) == ("k12_train/c", "unusable image")


def test_demo_is_made_not_read(tmp_path):
    rows = read("demo", tmp_path, tmp_path)
    assert len(rows) == 512
    assert all(isinstance(row, Sample) and len(row.images) == 1 and row.tags["family"] for row in rows)


@pytest.mark.parametrize("name", names("source"))
def test_declarations_are_complete(name):
    source = load_source(name)
    assert source.name == name
    assert source.about and source.licence and source.url and source.layout


@pytest.mark.shared
@pytest.mark.parametrize(("name", "rows"), [("math", 1050), ("geometry3k", 10)])
def test_real_rows(shared, tmp_path, name, rows):
    found = read(name, shared / "data", tmp_path)
    assert len(found) == rows
    assert not [row for row in found if isinstance(row, Dropped)]
