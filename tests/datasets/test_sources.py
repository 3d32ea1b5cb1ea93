"""Each source turns its publisher's rows into questions with the right gold, and every other row into a named drop."""

import ast
import dataclasses
import hashlib
import json
import os
import pickle
import zipfile
from pathlib import Path

import pytest

from mmk12.cli.listing import list_names
from mmk12.datasets.files import Files
from mmk12.datasets.registry import load_source
from mmk12.types import IMAGE_MARK, DroppedSample, Sample
from mmk12.utils.content import find, names
from mmk12.utils.images import ImageStore
from tests.conftest import load_rows, picture
from tests.datasets import raw

IN_PYTHON = [name for name in names("source") if find("source", name).suffix == ".py"]
"""The sources with a conversion of their own; those in YAML are in test_column_source.py."""
ANGLE = "$140^\\circ$"
KEPT: dict[str, list[tuple[str, str, str]]] = {
    "mm_eureka_released": [
        ("1", "math", "$140^{\\circ}$"),
        ("2", "choice", "B"),
        ("3", "math", "7"),
        ("4", "math", "$140^{\\circ}$"),
    ],
    "geoqa_plus": [("1", "math", ANGLE), ("2", "math", "$2\\sqrt{3}$"), ("3", "choice", "A")],
    "k12_train": [("a", "math", "$2$"), ("b", "math", "$3$")],
    "clevr_math": [("general/0", "math", "$4$"), ("general/1", "math", "$0$"), ("multihop/0", "math", "$2$")],
    "geometry3k": [("0", "math", "$5 \\sqrt{2}$"), ("20", "math", "$5 \\sqrt{2}$")],
    "math": [("algebra/2", "math", "$\\frac{8}{2}$"), ("algebra/10", "math", "$2$")],
    "iconqa": [
        ("fill_in_blank/4", "math", "$1024$"),
        ("choose_txt/5", "math", "$7$"),
        ("choose_txt/6", "choice", "B"),
    ],
    "m3cot": [("algebra-17", "math", "$5 cm$"), ("sense-1", "choice", "E")],
    "dvqa": [("99", "math", "$2$"), ("100", "math", "$40$")],
    "scienceqa": [("41", "choice", "A"), ("42", "math", "$3 kg$")],
    "chartqa": [("human/0", "math", "$19.5$"), ("augmented/0", "math", "$75\\%$")],
    "ai2d": [("1000.png-0", "math", "$4$"), ("1000.png-1", "choice", "B")],
    "unigeo": [("1", "math", ANGLE)],
    "infovqa": [("8", "math", "$75\\%$")],
    "geos": [("aaai/012", "math", "$6$")],
    "mapqa": [(f"{part}/map_7-{number}", "math", gold) for part in "US" for number, gold in ((5, "$4$"), (6, "$12$"))],
}
"""What the invented rows of `raw` become: id, kind of gold, gold."""

DROPPED: dict[str, list[tuple[str, str]]] = {
    "mm_eureka_released": [
        ("malformed row", "conversations is not a list"),
        ("unusable image", "K12/none.png: no such file"),
        ("unusable image", "'/etc/passwd' points outside"),
        ("unusable image", "'K12/../../secret.png' points outside"),
        ("malformed row", "image_urls is not a list"),
        ("malformed row", "'int' object"),
        ("malformed row", "IndexError"),
        ("broken line", "dataset.jsonl:12: not valid JSON"),
    ],
    "geoqa_plus": [
        ("malformed row", "option 5 of 4"),
        ("malformed row", "not an array of bytes in the shape of an image"),
        ("malformed row", "not an array of bytes in the shape of an image"),
        ("options are empty or repeated", "40° | 40° | 50° | 60°"),
        ("broken line", "Mix-train.pk, item 7: a str"),
    ],
    "k12_train": [("unusable image", "not a readable image")],
    "clevr_math": [
        ("the answer is not an integer", "yes"),
        ("the answer is not an integer", "true"),
        ("not in the train split", "val"),
        ("unusable image", "CLEVR_v1.0.zip holds no CLEVR_v1.0/images/train/none.png"),
        ("broken line", "clevr-math-train.json, item 6: a str"),
        ("malformed row", "KeyError: 'split'"),
    ],
    "geometry3k": [
        ("malformed row", "KeyError: 'E'"),
        ("malformed row", "KeyError: ''"),
        ("malformed row", "KeyError: '@'"),
        ("malformed row", "TypeError"),
        ("unusable image", "train/9/img_diagram.png: no such file"),
        ("broken line", "train.zip/train/21/data.json: not a JSON object"),
    ],
    "math": [
        ("malformed row", "no \\boxed{} answer"),
        ("broken line", "12.json"),
        ("broken line", "13.json: not a JSON object"),
        ("malformed row", "the tag 'level' is of type list"),
    ],
    "iconqa": [("the answer is not a number", "a cat"), ("malformed row", "option 3 of 2")],
    "m3cot": [("no image", ""), ("malformed row", "option 4 of 3"), ("not in the train split", "test")],
    "dvqa": [("the answer is not an integer", "pair"), ("unusable image", "images/none.png: no such file")],
    "scienceqa": [
        ("no image", ""),
        ("malformed row", "TypeError"),
        ("broken line", "problems.json, 46: not a JSON object"),
    ],
    "chartqa": [
        ("the answer is not a number", "Yes"),
        ("the answer is not a number", "[63, 26]"),
        ("unusable image", "points outside its folder"),
    ],
    "ai2d": [
        ("the options are letters that the image does not show", ""),
        ("options are empty or repeated", "{} | a | b | c"),
        ("broken line", "1003.png.json: no imageName or questions"),
    ],
    "unigeo": [
        ("the figure is mostly black", ""),
        ("malformed row", "English_problem"),
        ("a placeholder without its number", "N_1 of 1 numbers"),
        ("a fraction without its braces", ""),
    ],
    "infovqa": [
        ("the answer is not a number", "pinterest"),
        ("the answers differ", "7 | 8"),
        ("the answers differ", ""),
        ("not in the train split", "val"),
    ],
    "geos": [("malformed row", "option 0 of 5")],
    "mapqa": [("the answer is not a number", "Ohio | Utah"), ("the answer is not a number", "Yes")] * 2,
}
"""What they are dropped for: reason, part of the evidence."""


def read(name: str, folder: Path, tmp_path: Path) -> list[Sample | DroppedSample]:
    return list(load_rows(load_source(name), folder, ImageStore(tmp_path / "images")))


def kept(rows: list[Sample | DroppedSample]) -> dict[str, Sample]:
    return {row.id.partition("/")[2]: row for row in rows if isinstance(row, Sample)}


def test_every_source_has_its_rows_here():
    assert set(raw.WRITERS) == set(KEPT) == set(DROPPED) == set(IN_PYTHON) - {"demo"}


@pytest.mark.parametrize("name", raw.WRITERS)
def test_rows_become_questions_or_named_drops(tmp_path, name):
    raw.WRITERS[name](tmp_path / "raw")
    rows = read(name, tmp_path / "raw", tmp_path)
    found = [(row.id, row.gold.kind, row.gold.text) for row in rows if isinstance(row, Sample)]
    assert found == [(f"{name}/{number}", kind, gold) for number, kind, gold in KEPT[name]]
    dropped = [row for row in rows if isinstance(row, DroppedSample)]
    assert [row.reason for row in dropped] == [reason for reason, _ in DROPPED[name]]
    for row, (_, evidence) in zip(dropped, DROPPED[name], strict=True):
        assert evidence in row.evidence
        assert str(tmp_path) not in row.evidence
        assert (row.source, row.stage) == (name, "load")


@pytest.mark.parametrize("name", raw.WRITERS)
def test_the_same_rows_every_time(tmp_path, name):
    raw.WRITERS[name](tmp_path / "raw")

    def told(store: str) -> list[object]:
        rows = load_rows(load_source(name), tmp_path / "raw", ImageStore(tmp_path / store))
        return [dataclasses.asdict(row) for row in rows]

    assert told("one") == told("two")
    one, two = ({path.name: digest(path) for path in (tmp_path / store).glob("*")} for store in ("one", "two"))
    assert one == two


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", names("source"))
def test_declarations_are_complete(name):
    source = load_source(name)
    assert source.name == name
    assert source.about and source.license and source.url and source.layout


@pytest.mark.parametrize("name", IN_PYTHON)
def test_docstrings_describe_every_source_in_the_same_order(name: str) -> None:
    text = ast.get_docstring(ast.parse(find("source", name).read_text("utf-8"))) or ""
    parts = [text.find(part) for part in ("\n\nLicense: ", "\nURL: ", "\nSplit: ", "\n\nOne row", "Gold: ")]
    assert -1 not in parts and parts == sorted(parts), f"{name}: license, URL, split, one row, gold"
    url, hub = load_source(name).url.split()[0].rstrip(","), load_source(name).hub
    assert url in text or url == "generated"
    assert hub is None or hub.id.partition("/")[0] in text


def test_letters_keep_their_options_and_values_do_not(tmp_path):
    raw.scienceqa(tmp_path / "raw")
    rows = kept(read("scienceqa", tmp_path / "raw", tmp_path))
    asked = f"{IMAGE_MARK}Look at the arrows.\nWhich force is larger?\nA. the push\nB. the pull"
    assert (rows["41"].question, rows["41"].gold.choices) == (asked, ("the push", "the pull"))
    assert (rows["42"].question, rows["42"].gold.choices) == (f"{IMAGE_MARK}How heavy is it?", ())


def test_the_released_mixture_tells_where_its_rows_come_from(tmp_path):
    raw.released(tmp_path / "raw")
    rows = kept(read("mm_eureka_released", tmp_path / "raw", tmp_path))
    origins = {number: row.tags["origin"] for number, row in rows.items()}
    assert origins == {"1": "k12_train", "2": "geoqa_plus", "3": "math", "4": "scienceqa"}
    assert rows["1"].question == f"{IMAGE_MARK}What?"
    assert rows["2"].question == f"{IMAGE_MARK}Which?\nA. red\nB. blue"
    assert rows["3"].images == ()


@pytest.mark.parametrize(
    ("folder", "origin"),
    [
        ("MMPR/images/geoqa_plus/1.png", "geoqa_plus"),
        ("MMPR/images/CLEVR/a/1.png", "clevr_math"),
        ("MMPR/images/super_clevr/1.png", "clevr_math"),
        ("MMPR/images/M3CoT/1.png", "m3cot"),
        ("MMPR/images/infographics/1.png", "infovqa"),
        ("MMPR/images/MapQA/1.png", "mapqa"),
        ("MMPR/images/new-one/1.png", "new-one"),
        ("MMPR/1.png", "MMPR"),
        ("images/ab12.png", "images"),
    ],
)
def test_origins(tmp_path, folder, origin):
    turns = [{"role": "user", "content": "Question: What?"}]
    row = {"id": 1, "conversations": turns, "answer": "1", "image_urls": [folder]}
    raw.jsonl_file(tmp_path / "mm_eureka_released" / "dataset.jsonl", [row])
    raw.image_file(tmp_path / "mm_eureka_released" / folder)
    (found,) = read("mm_eureka_released", tmp_path, tmp_path)
    assert found.tags == {"origin": origin}


def test_released_archives_may_be_unpacked(tmp_path):
    raw.released(tmp_path / "raw")
    folder = tmp_path / "raw" / "mm_eureka_released"
    (folder / "K12.zip").unlink()
    (folder / "K12").mkdir()
    (folder / "K12" / "0f.png").write_bytes(picture())
    assert list(kept(read("mm_eureka_released", tmp_path / "raw", tmp_path))) == ["1", "2", "3", "4"]


@pytest.mark.parametrize("data", [b"", b"<html>not found</html>", b"PK\x03\x04torn"])
def test_a_wrong_archive_is_one_line_and_costs_its_own_rows(tmp_path, data):
    raw.released(tmp_path / "raw")
    (tmp_path / "raw" / "mm_eureka_released" / "K12.zip").write_bytes(data)
    rows = read("mm_eureka_released", tmp_path / "raw", tmp_path)
    assert list(kept(rows)) == ["2", "3", "4"]
    assert isinstance(rows[0], DroppedSample)
    assert "K12.zip is not a readable zip archive" in rows[0].evidence


def test_a_broken_file_costs_its_own_rows(tmp_path):
    raw.k12_train(tmp_path / "raw")
    (tmp_path / "raw" / "k12_train" / "data" / "a.parquet").write_bytes(b"PAR1 torn")
    first, *rows = read("k12_train", tmp_path / "raw", tmp_path)
    assert list(kept(rows)) == ["a", "b"]
    assert isinstance(first, DroppedSample)
    assert first.evidence.startswith("data/a.parquet: data/a.parquet is not a readable parquet file")


@pytest.mark.parametrize(
    ("harm", "told", "before"),
    [
        (lambda data: pickle.dumps([Hostile()]), "asks for posix.system, which is neither data nor an image", 0),
        (lambda data: data[: len(data) // 2], "not a pickle of plain rows", 0),
        (lambda data: b"<html>quota exceeded</html>", "not a pickle of plain rows", 0),
        (lambda data: data + b"trailing", None, 3),
    ],
)
def test_a_hostile_or_torn_pickle_is_one_line(tmp_path, harm, told, before):
    raw.geoqa_plus(tmp_path / "raw")
    path = tmp_path / "raw" / "geoqa_plus" / "Mix-train.pk"
    path.write_bytes(harm(path.read_bytes()))
    rows = read("geoqa_plus", tmp_path / "raw", tmp_path)
    assert len(kept(rows)) == before
    if told:
        (drop,) = rows
        assert isinstance(drop, DroppedSample)
        assert told in drop.evidence


class Hostile:
    def __reduce__(self):
        return os.system, ("touch evil",)


def test_the_list_of_sources_says_how_large_they_are_and_where_they_are():
    rows = {row["name"]: row for row in list_names("sources")}
    assert set(rows) == set(names("source"))
    assert rows["math"]["rows"] == 7500
    assert rows["dvqa"]["hub"] == "vikhyatk/dvqa"
    assert all(row["license"] and row["from"] for row in rows.values())


def test_without_its_test_ids_ai2d_is_missing(tmp_path):
    from mmk12.errors import MissingData

    raw.ai2d(tmp_path / "raw")
    (tmp_path / "raw" / "ai2d" / "ai2d_test_ids.csv").unlink()
    with pytest.raises(MissingData, match="ai2d_test_ids"):
        read("ai2d", tmp_path / "raw", tmp_path)


HUB: dict[str, tuple[dict[str, object], str, str]] = {
    "geometry3k": (
        {"images": [raw.blob()], "problem": "<image>Find $x$.", "answer": "5 \\sqrt { 2 }"},
        "row-0",
        "$5 \\sqrt{2}$",
    ),
    "math": (
        {"problem": "$1+1$?", "level": "Level 1", "type": "Algebra", "solution": "$\\boxed{2}$"},
        "algebra/row-0",
        "$2$",
    ),
    "k12_train": ({"id": "a", "question": "Then ___.", "answer": "$2$", "image": raw.blob()}, "a", "$2$"),
    "dvqa": ({"image": raw.blob(), "qa": [{"question": "How many?", "answer": "two"}]}, "row-0/0", "$2$"),
    "chartqa": (
        {"image": raw.blob(), "query": "How many?", "label": ["19.5"], "human_or_machine": 0},
        "row-0",
        "$19.5$",
    ),
    "scienceqa": (
        {
            "question": "Which?",
            "choices": ["red", "blue"],
            "answer": 1,
            "hint": "",
            "image": raw.blob(),
            "grade": "g1",
            "topic": "t",
        },
        "row-0",
        "B",
    ),
    "m3cot": (
        {
            "id": "7",
            "question": "Which?",
            "choices": ["red", "blue"],
            "answer": "B",
            "context": "",
            "image": raw.blob(),
            "split": "train",
            "domain": "d",
            "topic": "t",
        },
        "7",
        "B",
    ),
}
"""A row as the hub's copy has it, and what it becomes."""


def test_every_hub_copy_has_a_row_here():
    hubs = {name: load_source(name).hub for name in IN_PYTHON}
    assert set(HUB) == {name for name, hub in hubs.items() if hub is not None and not hub.files}


@pytest.mark.parametrize("name", HUB)
def test_hub_rows(monkeypatch, name):
    row, number, gold = HUB[name]
    monkeypatch.setattr(Files, "hub", lambda self, hub: iter([row]))
    source = load_source(name)
    draft = source.draft(next(iter(source.rows(Files(None)))))
    assert (draft.id, draft.gold.text) == (number, gold)
    assert list(draft.images) == ([] if name == "math" else [picture("red")])


def test_demo_is_made_not_read(tmp_path):
    rows = read("demo", tmp_path, tmp_path)
    assert len(rows) == 512
    assert all(isinstance(row, Sample) and len(row.images) == 1 and row.tags["family"] for row in rows)


@pytest.mark.parametrize("layout", ["hub", "hub unpacked", "zips at the top"])
def test_clevr_math_is_read_as_its_download_leaves_it(tmp_path, layout):
    raw.clevr_math(tmp_path / "unpacked")
    before = {sample.id: sample for sample in read("clevr_math", tmp_path / "unpacked", tmp_path)}
    old, new = tmp_path / "unpacked" / "clevr_math", tmp_path / "raw" / "clevr_math"
    base = new if layout == "zips at the top" else new / "data"
    base.mkdir(parents=True)
    (old / "CLEVR_v1.0.zip").rename(base / "CLEVR_v1.0.zip")
    parts = {"clevr-math.zip": old, "clevr-math-multihop.zip": old / "multi-hop"}
    for archive, folder in parts.items():
        raw.zip_file(base / archive, {"clevr-math-train.json": (folder / "clevr-math-train.json").read_text()})
    if layout == "hub unpacked":
        for archive, folder in zip(parts, (base, base / "multi-hop"), strict=True):
            zipfile.ZipFile(base / archive).extractall(folder)
            (base / archive).unlink()
    after = {sample.id: sample for sample in read("clevr_math", tmp_path / "raw", tmp_path)}
    kept = {name for name, sample in before.items() if isinstance(sample, Sample)}
    assert len(kept) == 3
    assert after.keys() == before.keys()
    assert {name for name, sample in after.items() if isinstance(sample, Sample)} == kept


def test_a_renamed_pickle_and_zipped_pictures_are_read(tmp_path):
    raw.geoqa_plus(tmp_path / "raw")
    path = tmp_path / "raw" / "geoqa_plus" / "Mix-train.pk"
    path.rename(path.with_name("train.pk"))
    assert sum(isinstance(row, Sample) for row in read("geoqa_plus", tmp_path / "raw", tmp_path)) == 3
    raw.scienceqa(tmp_path / "raw")
    folder = tmp_path / "raw" / "scienceqa"
    kept = sum(isinstance(row, Sample) for row in read("scienceqa", tmp_path / "raw", tmp_path))
    pictures = {path.relative_to(folder / "images").as_posix(): path for path in (folder / "images").rglob("*.png")}
    if pictures:
        raw.zip_file(folder / "images" / "train.zip", {name: path.read_bytes() for name, path in pictures.items()})
        for path in pictures.values():
            path.unlink()
    else:
        (folder / "images").mkdir(exist_ok=True)
        (folder / "train.zip").rename(folder / "images" / "train.zip")
    assert sum(isinstance(row, Sample) for row in read("scienceqa", tmp_path / "raw", tmp_path)) == kept > 0


def test_a_map_question_number_that_returns_on_another_map_is_another_row(tmp_path):
    raw.mapqa(tmp_path / "raw")
    path = tmp_path / "raw" / "mapqa" / "MapQA_U" / "questions" / "train-QA.json"
    rows = json.loads(path.read_text())
    questions = rows["questions"] if isinstance(rows, dict) else rows
    questions += [{**row, "map_id": "map_8.png"} for row in questions if isinstance(row, dict)]
    path.write_text(json.dumps(rows))
    (path.parents[1] / "images" / "map_8.png").write_bytes(picture("blue"))
    found = read("mapqa", tmp_path / "raw", tmp_path)
    assert not [row for row in found if isinstance(row, DroppedSample) and row.reason == "repeated id"]
