"""The record of what a response is graded against, and the closed vocabularies of its words."""

import dataclasses
import json
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from mmk12.cli import app
from mmk12.curation.export import SCHEMA
from mmk12.curation.validate import check
from mmk12.errors import BadInput, UnknownName
from mmk12.inference.generate import CompletionLog
from mmk12.inference.replay import ReplayBackend
from mmk12.types import ANSWER_TYPES, Completion, Gold, Verdict
from mmk12.verifier import GradingSpec, Profile, verify, verify_many
from mmk12.verifier.spec import FIELDS

GOLDS = [
    Gold("4"),
    Gold("B", "choice", ("3", "4")),
    Gold("0.33", "number", precision=2),
    Gold("14", "number", unit="cm", tolerance=0.5),
    Gold("14", unit="no unit of ours"),
]


@pytest.mark.parametrize("gold", GOLDS)
@pytest.mark.parametrize("question", [None, "How much?"])
def test_a_spec_survives_its_row(gold, question):
    spec = GradingSpec.from_gold(gold, question)
    row = spec.to_row()
    assert tuple(row) == FIELDS
    again = GradingSpec.from_row(json.loads(json.dumps(row)))
    assert again.reference == spec.reference
    assert again.to_row() == row


@pytest.mark.parametrize("gold", GOLDS)
@pytest.mark.parametrize("answer", ["4", "B", "0.333", "14 cm", "14.4", "1.4 m", "15"])
def test_a_row_is_graded_like_its_gold(gold, answer):
    row = {"response": f"\\boxed{{{answer}}}", **GradingSpec.from_gold(gold).to_row()}
    assert next(verify_many([row])) == verify(row["response"], gold)


def test_arguments_win_over_the_gold():
    gold = Gold("B", "choice", ("3", "4"), precision=1, tolerance=0.5, unit="cm")
    spec = GradingSpec.from_gold(gold, choices=["x"], answer_type="text", precision=2, tolerance=0.1)
    assert (spec.choices, spec.answer_type, spec.precision, spec.tolerance) == (("x",), "text", 2, 0.1)
    assert GradingSpec.from_row({"gold": gold, "choices": [5], "precision": 3.0}).choices == ("5",)
    assert GradingSpec.from_row({"gold": gold, "choices": None, "answer_type": None}) == GradingSpec.from_gold(gold)


def test_rows_hold_numbers_where_texts_are_meant():
    spec = GradingSpec.from_row({"gold": 4, "choices": [3, 4], "precision": "2", "tolerance": "0.5"})
    assert spec == GradingSpec("4", "auto", ("3", "4"), 2, 0.5)


def test_the_parquet_file_has_a_column_for_every_field():
    columns = {field.name for field in SCHEMA.field("extra_info").type}
    assert set(FIELDS) - {"gold"} <= columns


def test_a_misspelt_answer_type_is_named():
    with pytest.raises(UnknownName, match=r"Unknown answer_type 'nubmer'\. Did you mean 'number'"):
        verify("12 and 345", "12,345", answer_type="nubmer")
    with pytest.raises(UnknownName, match="'choice'"):
        verify("B", Gold("B", "choice"), answer_type="chioce")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("profile", ["strict", "released_instruct"])
def test_a_misspelt_answer_type_of_a_row_is_named_in_every_process(workers, profile):
    rows = [{"response": "12", "gold": "12"}, {"response": "12", "gold": "12", "answer_type": "nubmer"}]
    with pytest.raises(UnknownName, match="Did you mean 'number'"):
        list(verify_many(rows, profile=profile, workers=workers))


def test_an_empty_answer_type_of_a_row_is_none():
    assert next(verify_many([{"response": "12", "gold": "12", "answer_type": ""}])).correct


def test_a_misspelt_kind_of_gold_is_named():
    with pytest.raises(UnknownName, match="Unknown kind of gold 'bogus'"):
        Gold("7", kind="bogus")
    with pytest.raises(UnknownName, match="Did you mean 'choice'"):
        Gold("7", kind="chioce")


def test_a_file_with_a_misspelt_answer_type_is_refused_before_anything_is_written(tmp_path):
    file, out = tmp_path / "rows.jsonl", tmp_path / "out.jsonl"
    rows = [{"response": "4", "gold": "4", "answer_type": kind} for kind in (*ANSWER_TYPES, "nubmer")]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = CliRunner().invoke(app, ["verify", str(file), "--out", str(out)])
    assert isinstance(result.exception, BadInput)
    assert str(result.exception).startswith(f"{file}, row 7: Unknown answer_type 'nubmer'. Did you mean 'number'?")
    assert not out.exists()


def test_check_names_a_misspelt_answer_type(tmp_path):
    file = tmp_path / "golds.jsonl"
    file.write_text('{"id": "a", "gold": "7", "answer_type": "nubmer"}\n{"id": "b", "gold": "7"}\n')
    first, second = check(str(file)).rows
    assert (first["usable"], second["usable"]) == (False, True)
    assert "Did you mean 'number'" in first["reason"]


def test_a_verdict_survives_its_row():
    verdict = verify("\\boxed{4}", "4")
    row = verdict.to_row()
    assert list(row) == ["status", "correct", "answer", "rule", "reason", "format_ok", "profile"]
    assert row["correct"] is True
    assert Verdict.from_row({"id": 3, **json.loads(json.dumps(row))}) == verdict
    with pytest.raises(UnknownName, match=r"Unknown status 'corect'\. Did you mean 'correct'"):
        Verdict.from_row({**row, "status": "corect"})


STORED = {
    "key": "k",
    "id": "toy/0",
    "index": 0,
    "text": "4",
    "finish_reason": "stop",
    "prompt_tokens": None,
    "completion_tokens": 3,
}


def test_a_misspelt_finish_reason_is_named(tmp_path):
    assert Completion.from_row({**STORED, "schema": 1}) == Completion(**STORED)
    with pytest.raises(UnknownName, match=r"Unknown finish reason 'lenght'\. Did you mean 'length'"):
        Completion.from_row({**STORED, "finish_reason": "lenght"})
    file = tmp_path / "completions.jsonl"
    file.write_text(
        "".join(json.dumps({**STORED, "key": reason, "finish_reason": reason}) + "\n" for reason in ("stop", "lenght"))
    )
    log = CompletionLog(file)
    assert list(log) == ["stop"]
    assert "Did you mean 'length'" in log.notes[0]
    with pytest.raises(BadInput, match="row 2: Unknown finish reason 'lenght'"):
        ReplayBackend(file)


NONSENSE = [
    ({"precision": -2}, "precision"),
    ({"precision": 1.5}, "precision"),
    ({"precision": True}, "precision"),
    ({"precision": 10**6}, "precision"),
    ({"precision": "two"}, "precision"),
    ({"precision": float("inf")}, "precision"),
    ({"tolerance": float("nan")}, "tolerance"),
    ({"tolerance": -0.1}, "tolerance"),
    ({"tolerance": float("inf")}, "tolerance"),
    ({"tolerance": "wide"}, "tolerance"),
    ({"tolerance": [0.1]}, "tolerance"),
]


@pytest.mark.parametrize(("arguments", "field"), NONSENSE)
def test_nonsense_is_refused_by_the_name_of_its_field(arguments, field):
    with pytest.raises(BadInput, match=f"`{field}` must be"):
        verify("12", "12", **arguments)
    with pytest.raises(BadInput, match=f"`{field}` must be"):
        verify("12", Gold("12"), **arguments)


def test_a_gold_with_nonsense_is_refused():
    with pytest.raises(BadInput, match="`precision`"):
        verify("12", Gold("12", precision=-1))
    with pytest.raises(BadInput, match="`tolerance`"):
        next(verify_many([{"response": "12", "gold": "12", "tolerance": -1}]))


def test_numbers_and_arrays_are_texts_and_lists():
    for gold in (12, 12.0, np.int64(12), np.float32(12), np.array(12), Fraction(12), "12"):
        assert verify("\\boxed{12}", gold).correct, repr(gold)
    assert verify("B", "4", choices=np.array([3, 4])).correct
    assert verify("B", np.str_("4"), choices=np.array(["3", "4"]), precision=np.int64(0)).correct
    for missing in (float("nan"), np.float64("nan"), None):
        assert verify("nan", missing).status == "gold_unusable"
    # In a table, NaN is a missing value.
    row = {"response": "12", "gold": "12", "precision": np.nan, "tolerance": np.nan, "choices": None}
    assert next(verify_many([row])).correct


def test_the_table_of_policies_is_the_profile():
    """`docs/verifier.md` lists each switch of a profile with its default; the rest of a profile is no policy."""
    page = (Path(__file__).resolve().parents[2] / "docs/verifier.md").read_text("utf-8")
    section = page.split("## What is policy")[1].split("\n## ")[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| (\S+) \|", section, re.MULTILINE))
    switches = {field.name: field.default for field in dataclasses.fields(Profile)}
    for name in ("name", "about", "format_weight", "released", "deadline", "fallback"):
        switches.pop(name, None)
    assert listed == {
        name: {True: "yes", False: "no"}[default] if isinstance(default, bool) else str(default)
        for name, default in switches.items()
    }
