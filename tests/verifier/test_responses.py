"""Whole responses: which part of them is the answer, and the status of the verdict."""

import pytest

from mmk12.verifier import classify_gold, verify
from mmk12.verifier.gold import TYPES
from tests.verifier.cases import table

GIVEN = ("choices", "precision")


@pytest.mark.parametrize("topic", list(dict.fromkeys(row["topic"] for row in table("responses"))))
def test_status(topic):
    rows = [row for row in table("responses") if row["topic"] == topic]
    verdicts = [verify(row["response"], row["gold"], **{key: row.get(key) for key in GIVEN}) for row in rows]
    faults = [(row, one) for row, one in zip(rows, verdicts, strict=True) if one.status != row["status"]]
    assert faults == []


def test_gold_types():
    kinds = [(row, classify_gold(row["gold"])) for row in table("golds")]
    assert [(row, one) for row, one in kinds if (one.type, one.usable) != (row["type"], row["usable"])] == []
    assert all(one.type in TYPES and (one.usable or one.reason) for _, one in kinds)


def test_an_unusable_gold_pays_no_answer_but_its_own():
    gold = "The stability of triangles and the instability of all the other polygons"
    assert verify(f"\\boxed{{{gold}}}", gold).correct
    assert verify("\\boxed{stability}", gold).status == "gold_unusable"
