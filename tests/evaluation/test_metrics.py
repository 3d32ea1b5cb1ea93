"""Every declared item counts, and each reason for a lost point has its own name."""

import pytest

from mmk12.evaluation.metrics import aggregate
from mmk12.evaluation.records import VerdictRow


def verdict(number, correct=False, status=None, index=0, cluster=None, groups=None, **changes):
    row = {
        "id": f"toy/{number}",
        "index": index,
        "status": status or ("correct" if correct else "wrong"),
        "correct": correct,
        "answer": None,
        "official": None,
        "rule": "math",
        "reason": "",
        "format_ok": True,
        "profile": "strict",
        "benchmark": "toy",
        "groups": groups or {},
        "cluster": cluster,
        "finish_reason": "stop",
        "completion_tokens": 10,
    }
    return VerdictRow.model_validate({**row, **changes})


def test_accuracy_is_over_all_declared_items():
    rows = [
        verdict(1, True),
        verdict(2, status="no_answer", format_ok=False, finish_reason="length", completion_tokens=40),
        verdict(3, status="gold_unusable"),
        verdict(4, status="error", rule="not asked", completion_tokens=None, finish_reason=None, format_ok=False),
    ]
    found = aggregate(rows, [])
    assert (found.n, found.correct, found.accuracy) == (4, 1, 0.25)
    assert found.ci95 == pytest.approx([0.045587, 0.699358])
    assert (found.no_answer_rate, found.truncation_rate, found.format_rate) == (0.25, 0.25, 0.5)
    assert found.mean_tokens == 20.0
    assert found.statuses == {"correct": 1, "error": 1, "gold_unusable": 1, "no_answer": 1}
    assert (found.pass_at, found.mean_at) == ({}, {})
    assert found.official is None


def test_sub_scores_are_sorted_and_items_without_the_tag_are_unknown():
    rows = [verdict(1, True, groups={"topic": "b"}), verdict(2, groups={"topic": "a"}), verdict(3, True)]
    found = aggregate(rows, ["topic"]).groups["topic"]
    assert list(found) == ["a", "b", "unknown"]
    assert [(score.n, score.accuracy) for score in found.values()] == [(1, 0.0), (1, 1.0), (1, 1.0)]


def test_an_item_with_several_labels_counts_under_each():
    skills = [("algebra", "geometry"), ("algebra",), "geometry"]
    rows = [verdict(number, number == 0, groups={"skills": labels}) for number, labels in enumerate(skills)]
    found = aggregate(rows, ["skills"]).groups["skills"]
    assert {name: (score.n, score.accuracy) for name, score in found.items()} == {
        "algebra": (2, 0.5),
        "geometry": (2, 0.5),
    }


def test_rollouts_are_one_item_and_give_mean_at_k_and_pass_at_k():
    rows = [verdict(1, index < 1, index=index) for index in range(4)]
    rows += [verdict(2, True, index=index) for index in range(4)]
    found = aggregate(rows, [])
    assert (found.n, found.accuracy) == (2, 0.625)
    assert found.mean_at == {"4": 0.625}
    assert found.pass_at == {"1": 0.625, "2": 0.75, "4": 1.0}


def test_the_publishers_arithmetic_stands_beside_ours():
    rows = [
        verdict(1, True, official=True),
        verdict(2, True, official=False),
        verdict(3, False, official=True),
        verdict(4, False, official=True),
        verdict(5, status="error", official=None),
    ]
    found = aggregate(rows, [])
    assert found.accuracy == 0.4
    assert found.official.ci95 == pytest.approx([0.230724, 0.882379], abs=1e-6)
    official = found.official.model_dump(exclude={"ci95"})
    assert official == {"accuracy": 0.6, "agreement": 0.25, "only_strict": 1, "only_official": 2}


def test_shared_problems_widen_the_interval():
    alone = aggregate([verdict(i, i % 2 == 0) for i in range(40)], []).ci95
    shared = aggregate([verdict(i, i % 2 == 0, cluster=str(i % 8)) for i in range(40)], []).ci95
    assert shared[1] - shared[0] > alone[1] - alone[0]


def test_nothing_is_not_a_score():
    assert aggregate([], ["topic"]).model_dump() == {
        "n": 0,
        "correct": 0,
        "accuracy": 0.0,
        "ci95": (0.0, 1.0),
        "no_answer_rate": 0.0,
        "truncation_rate": 0.0,
        "format_rate": 0.0,
        "mean_tokens": None,
        "statuses": {},
        "mean_at": {},
        "pass_at": {},
        "groups": {"topic": {}},
        "official": None,
    }
