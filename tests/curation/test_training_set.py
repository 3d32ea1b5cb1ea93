"""Anybody's training set is read: the columns of the field's trainers, and one line for those that are none."""

import json

import pytest

from mmk12.curation.decontamination import read_questions
from mmk12.curation.training_set import LOST, NATIVE_ID, find_instructions, open_training_set
from mmk12.errors import BadInput, MissingData
from tests.conftest import picture
from tests.datasets.raw import parquet_file

RED = picture("red")
ASK = "What is the length of side number {}?"


def image(data=RED, path=None):
    return {"bytes": data, "path": path}


def easyr1(number):
    return {"images": [image()], "problem": f"<image>{ASK.format(number)}", "answer": str(number)}


def trl(number):
    content = [{"type": "image", "text": None}, {"type": "text", "text": ASK.format(number)}]
    return {
        "prompt": [{"role": "user", "content": content}],
        "image": image(),
        "solution": f"<answer>{number}</answer>",
    }


def trl_messages(number):
    asked = {"role": "user", "content": ASK.format(number)}
    return {"messages": [asked, {"role": "assistant", "content": str(number)}], "images": [image()]}


def verl(number):
    return {
        "prompt": [{"role": "user", "content": f"<image>{ASK.format(number)}"}],
        "images": [image()],
        "data_source": "somebody/else",
        "reward_model": {"style": "rule", "ground_truth": str(number)},
        "extra_info": {"index": number, "split": "train"},
    }


def mmk12(number):
    row = verl(number)
    row["prompt"][0]["content"] = f"<image>Think, then put the final answer in a box. Question: {ASK.format(number)}"
    row["extra_info"] |= {"id": f"a/{number}", "source": "a", "question": f"<image>{ASK.format(number)}", "tags": "{}"}
    return row


@pytest.mark.parametrize("make", [easyr1, trl, trl_messages, verl, mmk12])
@pytest.mark.parametrize("as_folder", [False, True])
def test_parquet_of_the_trainers(tmp_path, make, as_folder):
    parquet_file(tmp_path / "train-00000-of-00001.parquet", [make(number) for number in range(3)])
    opened = open_training_set(str(tmp_path if as_folder else tmp_path / "train-00000-of-00001.parquet"))
    rows = list(read_questions(opened.source, opened.files))
    assert [row.item.text.words[-1] for row in rows] == ["0", "1", "2"]
    assert [(row.lost_images, len(row.item.images), LOST in row.tags) for row in rows] == [(0, 0, False)] * 3, "blank"
    assert [row.item.has_figure for row in rows] == [False] * 3
    if make is not trl_messages:
        assert [row.item.answer for row in rows] == [("0",), ("1",), ("2",)]


@pytest.mark.parametrize(
    "make",
    [
        lambda n: {"conversations": [{"from": "human", "value": f"<image>\n{ASK.format(n)}"}], "image": "a.png"},
        lambda n: {
            "id": f"m/{n}",
            "conversations": [{"role": "user", "content": ASK.format(n)}],
            "answer": "1",
            "image_urls": ["a.png"],
        },
        lambda n: {"question": ASK.format(n), "image_path": "a.png", "ground_truth": "1"},
        lambda n: {"query": ASK.format(n), "images": ["a.png"], "choices": ["1 cm", "2 cm"], "answer": "B"},
    ],
)
def test_jsonl_with_images_beside_it(tmp_path, make):
    (tmp_path / "a.png").write_bytes(RED)
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(make(number)) + "\n" for number in range(3)))
    opened = open_training_set(str(tmp_path / "rows.jsonl"))
    rows = list(read_questions(opened.source, opened.files))
    assert [row.item.text.words[-1] for row in rows] == ["0", "1", "2"]
    assert not any(row.lost_images for row in rows)
    assert [row.tags.get(NATIVE_ID) for row in rows] == (
        [f"m/{n}" for n in range(3)] if "id" in make(0) else [None] * 3
    )


def test_shards_of_a_folder_are_one_set(tmp_path):
    for shard in (1, 0):
        rows = [easyr1(2 * shard + number) for number in range(2)]
        parquet_file(tmp_path / "data" / f"train-0000{shard}-of-00002.parquet", rows)
    parquet_file(tmp_path / "data" / "test-00000-of-00001.parquet", [easyr1(99)])
    opened = open_training_set(str(tmp_path))
    assert [row.item.text.words[-1] for row in read_questions(opened.source, opened.files)] == list("0123")
    assert opened.source.size == 4, "what progress is shown against"


def test_columns_may_be_named(tmp_path):
    (tmp_path / "rows.jsonl").write_text(json.dumps({"ask": "How long is it?", "gold": "3", "n": 1}) + "\n")
    with pytest.raises(BadInput, match=r"no column of a question is recognised among ask, gold, n\. Name it"):
        open_training_set(str(tmp_path / "rows.jsonl"))
    with pytest.raises(BadInput, match="has no column 'asks' for question"):
        open_training_set(str(tmp_path / "rows.jsonl"), columns={"question": "asks"})
    opened = open_training_set(str(tmp_path / "rows.jsonl"), columns={"question": "ask"})
    (row,) = read_questions(opened.source, opened.files)
    assert (row.item.text.words, row.item.answer) == (("how", "long", "is", "it"), ("3",))
    assert opened.columns["question"] == ("ask",)


def test_what_is_no_training_set_is_told(tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and then nothing")
    (tmp_path / "nothing").mkdir()
    for ref, error, text in (
        ("none.parquet", MissingData, "it is no file, no folder"),
        (str(tmp_path / "empty.jsonl"), BadInput, "holds no row that can be read"),
        (str(tmp_path / "torn.parquet"), BadInput, "holds no row that can be read"),
        (str(tmp_path / "nothing"), BadInput, "holds no .parquet and no .jsonl"),
    ):
        with pytest.raises(error, match=text):
            open_training_set(ref)


def test_a_row_that_is_damaged_loses_what_is_damaged(tmp_path):
    (tmp_path / "a.png").write_bytes(RED)
    rows = [
        {"question": "Sound?", "images": ["a.png"], "answer": "1"},
        {"question": 7, "images": ["a.png"], "answer": "1"},
        {"question": "", "images": [], "answer": "1"},
        {"question": "Which image?", "images": 12, "answer": "1"},
        {"question": "Where is it?", "images": ["../../etc/passwd"], "answer": "1"},
        {"question": "No answer?", "images": [], "answer": {"a": [1]}},
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "{torn\n")
    opened = open_training_set(str(tmp_path / "rows.jsonl"))
    read = list(read_questions(opened.source, opened.files))
    assert [getattr(row, "reason", "") for row in read] == [
        "",
        "malformed row",
        "no question",
        "",
        "",
        "",
        "broken line",
    ]
    assert [(row.lost_images, LOST in row.tags) for row in read if hasattr(row, "item")] == [
        (0, False),
        (0, True),
        (0, True),
        (0, False),
    ]


@pytest.mark.parametrize(
    ("head", "tail", "found"),
    [
        ("", "", ()),
        ("You are a reasoning machine. ", "", ("You are a reasoning machine.",)),
        ("", "\nPut the answer in \\boxed{}.", ("Put the answer in \\boxed{}.",)),
        ("Think step by step.\n", " Output the final answer in <answer> </answer> tags.", None),
        ("As shown in the figure, ", "", ()),
        ("", " Give it in centimetres.", ()),
    ],
)
def test_instructions_that_all_questions_share(head, tail, found):
    questions = [f"{head}{what} has area {number}?{tail}" for number, what in enumerate("ABCDEFGHIJ")]
    assert find_instructions(questions) == (found if found is not None else (head.strip(), tail.strip()))
    assert find_instructions(questions[:5]) == ()
    assert find_instructions([*questions, "Another one."]) == ()
