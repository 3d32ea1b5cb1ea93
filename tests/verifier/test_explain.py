"""`mmk12 verify --explain`: what a person sees of one row; and what the file may hold."""

import itertools
import json
import os
import threading

import pytest
from rich.console import Console
from typer.testing import CliRunner

from mmk12.cli import app
from mmk12.errors import BadInput
from mmk12.evaluation.verify_file import explain_row, verify_file
from mmk12.types import Gold
from mmk12.verifier import PROFILES, verify
from mmk12.verifier.answer_parser import parse
from mmk12.verifier.explain import SHOWN, describe_reading, explain
from tests.verifier.cases import table


def drawn(branch):
    console = Console(width=200)
    with console.capture() as capture:
        console.print(branch.to_tree())
    return capture.get()


def test_it_shows_the_extraction_both_trees_and_the_rule():
    shown = drawn(
        explain({"id": "r", "response": "<answer>$x \\le \\frac{2}{3}$</answer>", "gold": "$(1, 2\\sqrt{3})$"})
    )
    for part in (
        "r: wrong",
        "answer, found by the rule 'answer tag': $x \\le \\frac{2}{3}$",
        "relation ≤",
        "symbol x",
        "number 2/3",
        "gold, tuple or interval, usable",
        "brackets ( )",
        "call root",
        "rule 'compared': the answer does not equal the gold (answer tag); format not as the prompt asks",
    ):
        assert part in shown


def test_it_shows_the_options():
    row = {"response": "It is (B).", "gold": Gold("B", choices=("3", "4 cm"))}
    assert "B: 4 cm" in drawn(explain(row))
    assert "unit cm" in drawn(explain({"response": "B", "gold": "B", "choices": ["3", "4 cm"]}))


def test_it_says_why_there_is_no_answer_and_why_a_gold_is_unusable():
    shown = drawn(explain({"response": "", "gold": "$BD=CE$ (not unique)"}))
    assert "answer: none, because the response is empty" in shown
    assert "open, unusable, the gold says that other answers are right too" in shown


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_the_status_is_that_of_the_verdict(profile):
    row = {"response": "<answer>[red]$4$[/red]</answer>", "gold": "$4$"}
    shown = drawn(explain(row, profile))
    assert shown.startswith(f"row: {verify(row['response'], row['gold'], profile=profile).status}")
    assert f"profile {profile}" in shown


def test_every_value_of_the_case_tables_can_be_drawn():
    for row in table("equality"):
        for text in (row["gold"], *row["right"], *row["wrong"]):
            assert drawn(describe_reading(parse(text)))


@pytest.mark.parametrize(
    "text", ["{" * 10_000, "9^{9999}", "9" * 20_000, "1," * 5000 + "1", "\\sqrt{" * 60 + "2" + "}" * 60, "[bold]x"]
)
def test_hostile_text_stays_short(text):
    branch = explain({"response": f"<answer>{text}</answer>", "gold": text})
    assert max(map(len, lines(branch))) < 2 * SHOWN + 100
    assert drawn(branch)


def lines(branch):
    return itertools.chain([branch.line], *map(lines, branch.branches))


@pytest.fixture
def file(tmp_path):
    rows = [{"id": i, "response": f"\\boxed{{{i}}}", "gold": "2"} for i in range(4)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path / "rows.jsonl"


def test_a_row_is_chosen_by_its_id_or_is_the_first(file):
    assert explain_row(file).line == "0: wrong"
    assert explain_row(file, "2").line == "2: correct"
    with pytest.raises(BadInput, match="no row with the id nine"):
        explain_row(file, "nine")


def test_the_command_explains(file):
    assert CliRunner().invoke(app, ["verify", str(file), "--explain"]).stdout.startswith("0: wrong")
    assert CliRunner().invoke(app, ["verify", str(file), "--explain", "--id", "2"]).stdout.startswith("2: correct")


@pytest.mark.parametrize("workers", [1, 2])
def test_ids_stay_with_their_rows(file, workers):
    out = file.with_name("out.jsonl")
    assert verify_file(file, out, workers=workers) == {"correct": 1, "wrong": 3}
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"response": 4}, "`response` must be a text; it is 4"),
        ({"response": None}, "`response` must be a text; it is null"),
        ({"gold": ["4"]}, r"`gold` must be a text; it is \[\"4\"\]"),
        ({"question": True}, "`question` must be a text; it is true"),
        ({"choices": "ABCD"}, '`choices` must be a list of texts; it is "ABCD"'),
        ({"choices": [["A"]]}, r"`choices` must be a list of texts; it is \[\[\"A\"\]\]"),
        ({"answer_type": 1}, "`answer_type` must be a text; it is 1"),
        ({"precision": "two"}, '`precision` must be a whole number from 0 to 100; it is "two"'),
        ({"precision": 1.5}, "`precision` must be a whole number from 0 to 100; it is 1.5"),
        ({"precision": True}, "`precision` must be a whole number from 0 to 100; it is true"),
    ],
)
def test_a_value_of_the_wrong_type_is_named_before_anything_is_written(file, fields, message):
    with file.open("a") as lines:
        lines.write("\n" + json.dumps({"id": 4, "response": "4", "gold": "4", **fields}) + "\n")
    out = file.with_name("out.jsonl")
    with pytest.raises(BadInput, match=rf"rows\.jsonl, row 5: {message}\."):
        verify_file(file, out)
    assert not out.exists()


@pytest.mark.parametrize(
    ("label", "near"), [("nubmer", "number"), ("chioce", "choice"), ("Text", "text"), ("lists", "list")]
)
def test_a_misspelt_answer_type_is_named(file, label, near):
    file.write_text(json.dumps({"response": "4", "gold": "4", "answer_type": label}) + "\n")
    with pytest.raises(BadInput, match=rf"row 1: Unknown answer_type '{label}'\. Did you mean '{near}'"):
        verify_file(file, None)


def test_labels_of_other_datasets_count_as_auto_and_are_noted(file):
    labels = ["letter", "integer", "int", "set", "float", "unit_number", "categorical_label", "degree", "tuple", "surd"]
    rows = [{"response": "12 and 345", "gold": "12,345", "answer_type": label} for label in labels]
    rows += [{"response": "12 and 345", "gold": "12,345", "answer_type": kind} for kind in ("auto", "number")]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    notes, out = [], file.with_name("out.jsonl")
    verify_file(file, out, note=notes.append)
    *foreign, auto, number = [json.loads(line)["correct"] for line in out.read_text().splitlines()]
    assert foreign == [auto] * len(labels)
    assert not number
    assert notes == ["10 rows have an answer_type that is not one of ours ('letter', 'integer', 'int'): graded as auto"]


def test_a_missing_gold_is_named(file):
    file.write_text('{"response": "4"}\n')
    with pytest.raises(BadInput, match="row 1: `gold` must be a text; it is missing"):
        verify_file(file, None)


def test_null_and_whole_floats_are_no_mistake(file):
    file.write_text('{"response": "0.33", "gold": "0.333", "precision": 2.0, "choices": null, "question": null}\n')
    assert verify_file(file, file.with_name("out.jsonl")) == {"correct": 1}


def test_a_device_is_written_to_and_not_replaced(file, tmp_path):
    pipe, found = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.extend(pipe.read_text().splitlines()))
    reader.start()
    verify_file(file, pipe)
    reader.join(20)
    assert len(found) == 4
    assert pipe.is_fifo()
