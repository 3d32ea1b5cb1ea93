"""Rule verdicts against published ones, on real responses of other people's models.

`real_mathvista.jsonl`: extraction by GPT-4, then the arithmetic of MathVista. `real_mathv.jsonl`: the rules of
MATH-Vision. `clean` rows have one letter or one number in the response, or one box with an answer that was compared by
value; on the others the published verdict itself is in doubt (docs/evaluation.md names the classes).
"""

import json
from collections import Counter
from typing import NamedTuple

import pytest

from mmk12.datasets.files import Files
from mmk12.datasets.registry import load_benchmark
from mmk12.evaluation.official import find_rule
from mmk12.verifier import verify

pytestmark = pytest.mark.shared


class Measured(NamedTuple):
    """Shares of agreement on clean rows, and the rows on which strict grading and the label differ."""

    strict: float
    official: float
    others: list[str]


def measured(shared, name, file):
    declared = load_benchmark(name)
    rule = find_rule(declared.official)
    drafts = {draft.id: draft for draft in map(declared.draft, declared.rows(Files(shared / "data" / name)))}
    counts, others = Counter(), []
    for line in (shared / "verify" / file).read_text("utf-8").splitlines():
        row = json.loads(line)
        if not row["clean"]:
            continue
        draft = drafts[row["origin"].rsplit("#", 1)[1]]
        correct = verify(row["response"], draft.gold, question=draft.question).correct
        counts["rows"] += 1
        counts["strict"] += correct == row["label"]
        counts["official"] += rule(row["response"], draft.gold) == row["upstream_label"]
        if correct != row["label"]:
            others.append(row["id"])
    return Measured(counts["strict"] / counts["rows"], counts["official"] / counts["rows"], others)


def test_mathvista_agrees_with_the_published_verdicts(shared):
    found = measured(shared, "mathvista", "real_mathvista.jsonl")
    assert found.strict >= 0.99, found.others
    assert found.official >= 0.99


def test_mathvision_agrees_with_the_labels_and_its_official_rule_with_upstream(shared):
    found = measured(shared, "mathvision", "real_mathv.jsonl")
    assert found.strict >= 0.99, found.others
    assert found.official >= 0.995


@pytest.mark.parametrize(
    ("file", "ref", "folder", "official"),
    [
        ("ursa_mathvision.jsonl", "mathvision", "mathvision", 0.94),
        ("ursa_mathvista.jsonl", "mathvista", "mathvista", 0.99),
        ("mathvista_two_models.jsonl", "mathvista", "mathvista", 0.99),
        ("olympiadbench_qwen2_0.5b.jsonl", "olympiadbench:OE_TO_maths_en_COMP", "olympiadbench", 1.0),
        ("logicvista.jsonl", "logicvista", "logicvista", 0.975),
    ],
)
def test_official_rules_agree_with_published_verdicts(shared, file, ref, folder, official):
    """The shares that docs/evaluation.md prints."""
    declared = load_benchmark(ref)
    rule = find_rule(declared.official)
    golds = {draft.id: draft.gold for draft in map(declared.draft, declared.rows(Files(shared / "data" / folder)))}
    rows = [json.loads(line) for line in (shared / "labelled" / file).read_text("utf-8").splitlines()]
    agreed = sum(bool(rule(row["response"], golds[row["id"].rpartition("/")[2]])) == row["label"] for row in rows)
    assert agreed >= official * len(rows)
