"""Every declared item counts, and each reason for a lost point has its own name."""

import pytest

from mmk12.evaluation.metrics import aggregate
from mmk12.evaluation.records import VerdictRow
from mmk12.utils.rates import share


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
    official = found.official.model_dump(exclude={"ci95", "metrics"})
    assert official == {"accuracy": 0.6, "agreement": 0.25, "only_strict": 1, "only_official": 2}


def test_shared_problems_widen_the_interval():
    alone = aggregate([verdict(i, i % 2 == 0) for i in range(40)], []).ci95
    shared = aggregate([verdict(i, i % 2 == 0, cluster=str(i % 8)) for i in range(40)], []).ci95
    assert shared[1] - shared[0] > alone[1] - alone[0]


def test_nothing_is_not_a_score():
    assert aggregate([], ["topic"]).model_dump() == {
        "n": 0,
        "correct": 0,
        "accuracy": None,
        "ci95": None,
        "unanswered": 0,
        "no_answer_rate": 0.0,
        "truncation_rate": 0.0,
        "format_rate": 0.0,
        "mean_tokens": None,
        "statuses": {},
        "mean_at": {},
        "pass_at": {},
        "per_run": (),
        "groups": {"topic": {}},
        "metrics": {},
        "unusable_golds": {"golds": 0, "statuses": {}},
        "official": None,
    }


@pytest.mark.parametrize(
    "rows",
    [
        [verdict(1, status="error", rule="not asked"), verdict(2, status="error", rule="no completion")],
        [verdict(1, status="gold_unusable")],
    ],
)
def test_what_was_never_answered_or_cannot_be_graded_has_no_accuracy(rows):
    found = aggregate(rows, ["topic"])
    assert (found.n, found.accuracy, found.ci95) == (len(rows), None, None)
    assert found.groups["topic"]["unknown"].accuracy is None


def test_a_sub_score_of_nothing_has_no_accuracy():
    rows = [verdict(1, True, groups={"topic": "a"}), verdict(2, status="error", rule="no completion")]
    found = aggregate(rows, ["topic"])
    assert (found.accuracy, found.unanswered) == (0.5, 1)
    assert {name: score.accuracy for name, score in found.groups["topic"].items()} == {"a": 1.0, "unknown": None}


def test_several_runs_show_their_spread_even_if_an_item_could_not_be_asked():
    rows = [verdict(1, index < 3, index=index) for index in range(4)]
    rows += [verdict(2, index == 0, index=index) for index in range(4)]
    rows += [verdict(3, status="error", rule="not asked")]
    found = aggregate(rows, [])
    assert found.per_run == (0.666667, 0.333333, 0.333333, 0.0)
    assert found.mean_at == {"4": 0.333333}
    assert found.pass_at["4"] == pytest.approx(2 / 3, abs=1e-6)


def all_right(items):
    """The share of problems whose items are all right."""
    by_problem = {}
    for item in items:
        by_problem.setdefault(item.problem, []).append(item.correct)
    return {"all right": share({problem: float(all(right)) for problem, right in by_problem.items()})}


def test_a_benchmark_computes_numbers_over_several_items():
    rows = [verdict(number, number != 3, cluster=str(number // 2), official=True) for number in range(8)]
    found = aggregate(rows, [], all_right)
    assert found.metrics["all right"].model_dump() == {
        "n": 4,
        "value": 0.75,
        "ci95": pytest.approx((0.300642, 0.954413), abs=1e-6),
    }
    assert found.official.metrics["all right"].value == 1.0


def test_with_several_runs_such_a_number_is_its_mean_over_the_runs():
    """Not of a mixture of runs: that all ten variants are right is asked of each run."""
    right = {0: (True, False), 1: (False, True), 2: (True, True), 3: (True, True)}
    rows = [
        verdict(number, right[number][run], index=run, cluster=str(number // 2)) for number in right for run in (0, 1)
    ]
    found = aggregate(rows, [], all_right)
    assert (found.accuracy, found.metrics["all right"].value) == (0.75, 0.5)
