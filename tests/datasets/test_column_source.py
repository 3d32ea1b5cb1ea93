"""Sources declared in YAML: their keys are strict, and invented rows in the published columns become questions."""

import json

import pytest

from mmk12.curation import build_data
from mmk12.curation.code_hash import hash_code
from mmk12.curation.row_sample import sample_rows
from mmk12.curation.validate import check
from mmk12.datasets.column_source import is_column_source
from mmk12.datasets.registry import load_source
from mmk12.errors import BadRecipe, MissingData
from mmk12.types import DroppedSample, Sample
from mmk12.utils import content
from mmk12.utils.images import ImageStore
from tests.conftest import load_rows, picture
from tests.datasets.hub_server import hub_server
from tests.datasets.raw import blob, image_file, jsonl_file, parquet_file, zip_file

PNG = picture("red")


def virl39k(folder):
    rows = [
        {"question": "<image>\nHow many degrees has $x$?", "answer": r"\boxed{17^\circ}", "image": ["images/a-0.jpg"]},
        {"question": "<image><image>Which is larger?\nA. left\nB. right", "answer": r"\boxed{B}"}
        | {"image": ["images/a-0.jpg", "images/b-1.jpg"]},
        {"question": "What is 1 + 1?", "answer": r"\boxed{2}", "image": []},
        {"question": "<image>One mark?", "answer": r"\boxed{2}", "image": ["images/a-0.jpg", "images/b-1.jpg"]},
        {"question": "<image>Lost?", "answer": r"\boxed{2}", "image": ["images/none.jpg"]},
    ]
    rows = [{**row, "qid": f"q-{number}", "category": "x", "source": "y"} for number, row in enumerate(rows)]
    parquet_file(folder / "39Krelease.parquet", rows)
    zip_file(folder / "images.zip", {"images/a-0.jpg": PNG, "images/b-1.jpg": picture("blue")})


def mmr1_math(folder):
    rows = [
        {"images": [blob()], "problem": "<image>Find $x$.", "answer": "3 \\sqrt { 2 }"},
        {"images": [], "problem": "Find $y$.", "answer": "7"},
        {"images": [{"bytes": None, "path": None}], "problem": "<image>Find $z$.", "answer": "7"},
    ]
    parquet_file(folder / "data" / "train-00000-of-00001.parquet", rows)
    parquet_file(folder / "data" / "validation-00000-of-00001.parquet", rows)


def mm_math(folder):
    row = {"question": "As shown, find $AB$.", "file_name": "12.png", "year": "eight", "difficult": "hard"}
    solutions = ["Thus $AB=\\boxed{\\frac{1}{2}}$.", "Parts: \\boxed{3}, \\boxed{4}.", "It is plain."]
    rows = [{**row, "solution": text, "knowledge": {"level_1": "Lines"}} for text in solutions]
    jsonl_file(folder / "MM_Math" / "MM_Math.jsonl", [*rows, {**rows[0], "file_name": "13.png"}, "{broken"])
    members = {"MM_Math/12.png": PNG, "other/13.png": PNG, "MM_Math/13.png": PNG}
    zip_file(folder / "MM_Math" / "MM_Math.zip", members)


def open_r1_multimodal(folder):
    row = {"image": blob(), "original_question": "?", "original_answer": "…"}
    rows = [
        {"problem": "How long is AC?", "solution": "<think>So \\boxed{9}?</think>\n\n<answer>$5$</answer>"},
        {"problem": "Which?\nA. 4\nB. 5", "solution": "<think>…</think><answer>B</answer>"},
        {"problem": "None?", "solution": "<think>…</think><answer></answer>"},
    ]
    parquet_file(folder / "data" / "train-00000-of-00001.parquet", [{**row, **one} for one in rows])


def geometry3k_easyr1(folder):
    row = {"images": [blob()], "id": 1, "choices": ["3", "4"], "ground_truth": "A"}
    rows = [{**row, "problem": "<image>Find x.", "answer": "3"}, {**row, "problem": None, "answer": "3"}]
    parquet_file(folder / "data" / "train-00000-of-00001.parquet", rows)


KEPT = {
    virl39k: [("q-0", "$17^\\circ$", 1), ("q-1", "B", 2), ("q-2", "2", 0)],
    mmr1_math: [("row-0", "$3 \\sqrt{2}$", 1), ("row-1", "7", 0)],
    mm_math: [("row-0", "$\\frac{1}{2}$", 1), ("row-2", "It is plain.", 1)],
    open_r1_multimodal: [("row-0", "$5$", 1), ("row-1", "B", 1)],
    geometry3k_easyr1: [("row-0", "3", 1)],
}
DROPPED = {
    virl39k: ["1 <image> marks for 2 images", "images/none.jpg: no such file"],
    mmr1_math: ["an image is missing"],
    mm_math: ["3 | 4", "'13.png' is 2 files of the archives", "MM_Math.jsonl:5: not valid JSON"],
    open_r1_multimodal: ["no answer"],
    geometry3k_easyr1: ["the question is of type NoneType"],
}


def split(rows):
    kept = [(row.id.partition("/")[2], row.gold.text, len(row.images)) for row in rows if isinstance(row, Sample)]
    return kept, [f"{row.reason} {row.evidence}" for row in rows if isinstance(row, DroppedSample)]


def test_every_yaml_source_has_its_rows_here():
    shipped = {path.stem for path in content.root("source").glob("*.yaml")}
    assert shipped == {writer.__name__ for writer in KEPT} == {writer.__name__ for writer in DROPPED}
    assert len(content.names("source")) == len(set(content.names("source")))


@pytest.mark.parametrize("writer", KEPT, ids=lambda writer: writer.__name__)
def test_rows_in_the_published_columns(tmp_path, writer):
    name = writer.__name__
    writer(tmp_path / "raw" / name)
    kept, dropped = split(list(load_rows(load_source(name), tmp_path / "raw", ImageStore(tmp_path / "images"))))
    assert kept == KEPT[writer]
    assert len(dropped) == len(DROPPED[writer])
    for found, expected in zip(dropped, DROPPED[writer], strict=True):
        assert expected in found, found


HEAD = "about: invented\nlicense: CC0\nurl: https://example.org\n"
MINE = HEAD + "files: rows.jsonl\ncolumns: {question: q, answer: a, images: pictures, choices: options, id: number}\n"


@pytest.fixture
def mine(tmp_path):
    """A source of my own, and its folder below the raw folder."""
    (tmp_path / "mine.yaml").write_text(MINE)
    (tmp_path / "raw" / "mine").mkdir(parents=True)
    return tmp_path / "raw" / "mine"


def rows_of(mine, tmp_path, rows):
    jsonl_file(mine / "rows.jsonl", rows)
    found = load_rows(load_source(str(tmp_path / "mine.yaml")), tmp_path / "raw", ImageStore(tmp_path / "images"))
    return list(found)


def test_options_nested_pictures_and_conversations(mine, tmp_path):
    image_file(mine / "p" / "1.png")
    row = {"number": 0, "q": "How many?", "a": "B", "pictures": [["p/1.png"], "p/1.png"], "options": ["4", "5"]}
    asked = [{"role": "system", "content": "Be good."}, {"role": "user", "content": [{"type": "image"}]}]
    asked[1]["content"].append({"type": "text", "text": "Which of these?"})
    rows = rows_of(
        mine,
        tmp_path,
        [
            row,
            {**row, "number": 1, "a": "5"},
            {**row, "number": 2, "a": "6"},
            {**row, "number": 3, "q": asked, "pictures": "p/1.png", "a": 4},
            {**row, "number": 4, "pictures": None, "options": {"A": "ox", "B": "cow"}},
            {**row, "number": 5, "pictures": [[[[["p/1.png"]]]]]},
            {**row, "number": 6, "pictures": "../../secret.png"},
            {**row, "number": 7, "a": ["1", "2"]},
            {key: value for key, value in row.items() if key != "options"},
            {**row, "number": 9, "a": True},
        ],
    )
    kept = [row for row in rows if isinstance(row, Sample)]
    assert [(row.id, row.gold.text, row.gold.kind, len(row.images)) for row in kept] == [
        ("mine/0", "$5$", "math", 2),
        ("mine/1", "$5$", "math", 2),
        ("mine/3", "A", "choice", 1),
        ("mine/4", "B", "choice", 0),
    ]
    assert kept[2].question == "<image>Which of these?\nA. 4\nB. 5"
    _, dropped = split(rows)
    expected = [
        "'6' is neither an option",
        "an image is of type list",
        "points outside its folder",
        "several answers 1 | 2",
        "KeyError: 'options'",
        "the answer is of type bool",
    ]
    assert len(dropped) == len(expected)
    for found, part in zip(dropped, expected, strict=True):
        assert part in found, found


def test_strip_removes_an_instruction(mine, tmp_path):
    text = MINE + "strip: [' Answer in a box.', 'Hint: think.']\n"
    (tmp_path / "mine.yaml").write_text(text)
    (row,) = rows_of(
        mine,
        tmp_path,
        [{"number": 1, "q": "Hint: think. Add 1. Answer in a box.", "a": 2, "pictures": [], "options": None}],
    )
    assert row.question == "Add 1."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINE.replace("license", "licence"), "Unknown key 'licence'. Did you mean 'license'?"),
        (MINE.replace("question:", "querstion:"), "Unknown key 'columns.querstion'. Did you mean 'question'?"),
        (MINE.replace("answer: a, ", ""), "The key 'columns.answer' is missing"),
        (MINE.replace("question: q", "question: []"), "columns.question: Value should have at least 1 item"),
        (MINE.replace("question: q", "question: 3"), "columns.question"),
        (MINE.replace("rows.jsonl", "rows.csv"), "'rows.csv' is none of .parquet, .jsonl, .json"),
        (MINE.replace("rows.jsonl", "../rows.jsonl"), "points outside the source's folder"),
        (MINE.replace("files: rows.jsonl\n", ""), "'hub' or 'files' is missing"),
        (MINE.replace("files: rows.jsonl", "hub: https://huggingface.co/x"), "hub: String should match pattern"),
        (MINE + "archives: a.rar\n", "'a.rar' is none of .zip, .tar"),
        (MINE.replace("files: rows.jsonl", "hub: a/b") + "archives: a.zip\n", "'archives' belong to 'files'"),
        (MINE + "size: 0\n", "size: Input should be greater than 0"),
        (MINE + "template: 1\n", "template"),
        (MINE + "about: twice\n", "duplicate key 'about'"),
        ("[1, 2]", "does not hold 'key: value' lines"),
        (MINE + "x: &a [*a]\n", "aliases"),
    ],
)
def test_keys_are_strict(tmp_path, text, message):
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(BadRecipe) as caught:
        load_source(str(tmp_path / "mine.yaml"))
    assert message in str(caught.value)
    assert str(caught.value).startswith("mine.yaml: ") or "mine.yaml" in str(caught.value)


def test_a_name_that_would_be_no_id(tmp_path):
    (tmp_path / "a b.yaml").write_text(MINE)
    with pytest.raises(BadRecipe, match="the file's name is the source's name"):
        load_source(str(tmp_path / "a b.yaml"))


def test_check_and_sample_read_it(mine, tmp_path):
    row = {"q": "Add 1 to $x$.", "pictures": [], "options": []}
    rows = [{**row, "number": 1, "a": "$x + 1$"}, {**row, "number": 2, "a": "a long tale about a cat"}]
    jsonl_file(mine / "rows.jsonl", [*rows, {**row, "number": 3, "a": None}])
    ref = str(tmp_path / "mine.yaml")
    assert is_column_source(tmp_path / "mine.yaml")
    found = check(ref, raw_dir=tmp_path / "raw")
    assert (found.kind, found.about["name"], len(found.rows)) == ("source", "mine", 3)
    assert [row["id"] for row in found.unusable][-1] == "mine/row 2"
    drawn = sample_rows(load_source(ref), 5, raw_dir=tmp_path / "raw", images=tmp_path / "seen")
    assert (drawn.read, drawn.usable, [drop.reason for drop in drawn.drops]) == (3, 2, ["no answer"])


def test_a_recipe_takes_it_by_path_and_a_changed_key_reads_it_again(mine, tmp_path):
    image_file(mine / "1.png")
    row = {"a": "$3$", "pictures": "1.png", "options": []}
    jsonl_file(mine / "rows.jsonl", [{**row, "number": number, "q": f"How many? {number}"} for number in range(4)])
    (tmp_path / "mix.yaml").write_text(
        f"about: mix\ndata: {{sources: {{{tmp_path}/mine.yaml: all}}, decontaminate: [], val_fraction: 0.3}}\n"
    )
    built = build_data(str(tmp_path / "mix.yaml"), raw_dir=tmp_path / "raw", out=tmp_path / "out")
    assert built.funnel["mine"]["load"] == 4
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["licenses"] == {"mine": "CC0"}
    before = hash_code(tmp_path / "mine.yaml")
    (tmp_path / "mine.yaml").write_text("# a comment\n" + MINE)
    assert hash_code(tmp_path / "mine.yaml") == before
    (tmp_path / "mine.yaml").write_text(MINE + "strip: 'How '\n")
    assert hash_code(tmp_path / "mine.yaml") != before


def test_what_is_missing_says_where_it_is(tmp_path):
    (tmp_path / "raw").mkdir()
    with pytest.raises(MissingData, match=r"TIGER-Lab/ViRL39K.*license: MIT.*virl39k/, as 39Krelease"):
        list(load_rows(load_source("virl39k"), tmp_path / "raw", ImageStore(tmp_path / "images")))


@pytest.mark.slow
@pytest.mark.parametrize("writer", [geometry3k_easyr1, virl39k, mm_math], ids=lambda writer: writer.__name__)
def test_over_the_hub(tmp_path, writer):
    """A table with nested pictures, and files with an archive; the real clients talk to a hub on loopback."""
    hub_id = load_source(writer.__name__).hub.id
    writer(tmp_path / "hub" / hub_id)
    with hub_server(tmp_path / "hub") as hub:
        done = hub.run(tmp_path / "home", "check", writer.__name__, "--json")
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)
        assert [row["id"].partition("/")[2] for row in rows if row["type"] != "row"] == [row[0] for row in KEPT[writer]]
        asked = hub.asked.total()
        again = hub.run(tmp_path / "home", "check", writer.__name__, "--json", HF_HUB_OFFLINE="1")
        assert again.stdout == done.stdout
        assert hub.asked.total() == asked
