"""Whole responses: which part of them is the answer, and the status of the verdict."""

import pytest

from mmk12.verifier import classify_gold, verify
from mmk12.verifier.gold import TYPES
from tests.verifier.cases import table


@pytest.mark.parametrize("row", table("responses"), ids=lambda row: f"{row['topic']}: {row['response'][:60]}")
def test_status(row):
    verdict = verify(row["response"], row["gold"], choices=row.get("choices"), precision=row.get("precision"))
    assert verdict.status == row["status"], verdict


@pytest.mark.parametrize("row", table("golds"), ids=lambda row: row["gold"] or "empty")
def test_gold_types(row):
    kind = classify_gold(row["gold"])
    assert (kind.type, kind.usable) == (row["type"], row["usable"]), kind
    assert kind.type in TYPES
    assert kind.usable or kind.reason


def test_an_unusable_gold_pays_no_answer_but_its_own():
    gold = "The stability of triangles and the instability of all the other polygons"
    assert verify(f"\\boxed{{{gold}}}", gold).correct
    assert verify("\\boxed{stability}", gold).status == "gold_unusable"
