"""Intervals against closed forms and brute force."""

import itertools
import math
import random

import pytest

from mmk12 import stats


@pytest.mark.parametrize(("correct", "n"), [(0, 10), (3, 10), (10, 10), (135, 500), (4, 150)])
def test_wilson_is_the_closed_form(correct, n):
    z, p = 1.959963984540054, correct / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    found = stats.wilson(correct, n)
    assert found.low == pytest.approx(max(0, centre - half), abs=1e-12)
    assert found.high == pytest.approx(min(1, centre + half), abs=1e-12)


def test_nothing_measured_is_nothing_known():
    assert stats.wilson(0, 0) == stats.Interval(0.0, 1.0)


def test_clusters_of_one_are_the_t_interval_of_a_mean():
    scores = [0.4, 0.6, 0.6, 0.5, 0.45]
    mean = sum(scores) / 5
    error = math.sqrt(sum((score - mean) ** 2 for score in scores) / 4 / 5)
    found = stats.clustered(scores, range(5))
    assert (found.high - found.low) / 2 == pytest.approx(2.7764451051977987 * error)


def test_copies_of_an_item_add_no_certainty():
    scores = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    once = stats.clustered(scores, range(6))
    five = stats.clustered([s for s in scores for _ in range(5)], [c for c in range(6) for _ in range(5)])
    assert five.low == pytest.approx(once.low)
    assert five.high == pytest.approx(once.high)
    assert stats.mean_interval([s for s in scores for _ in range(5)], [c for c in range(6) for _ in range(5)]) == five


def test_the_clustered_interval_covers_the_truth():
    """Simulated MathVerse-like data: problems of 5 versions whose difficulty is shared."""
    source = random.Random(0)
    covered = 0
    for _ in range(300):
        scores, clusters = [], []
        for problem in range(60):
            chance = source.random()
            for _version in range(5):
                scores.append(float(source.random() < chance))
                clusters.append(problem)
        interval = stats.clustered(scores, clusters)
        covered += interval.low <= 0.5 <= interval.high
    assert 0.91 <= covered / 300 <= 0.98


def test_mcnemar_is_the_exact_binomial():
    a = [True] * 10 + [False] * 10 + [True] * 5
    b = [True] * 10 + [True] * 8 + [False] * 2 + [False] * 5
    found = stats.paired(a, b, range(25))
    assert (found.gained, found.lost) == (8, 5)
    tail = sum(math.comb(13, k) for k in range(8, 14)) / 2**13
    assert found.p_value == pytest.approx(2 * tail)
    assert found.difference == pytest.approx(3 / 25)
    assert found.interval.low < 3 / 25 < found.interval.high


def test_equal_runs_do_not_differ():
    found = stats.paired([True, False], [True, False], ["x", "y"])
    assert (found.difference, found.p_value, found.gained, found.lost) == (0.0, 1.0, 0, 0)


@pytest.mark.parametrize(("n", "correct", "k"), [(8, 0, 8), (8, 8, 1), (8, 3, 1), (8, 3, 4), (6, 2, 3)])
def test_pass_at_k_is_the_share_of_subsets_with_a_right_one(n, correct, k):
    subsets = list(itertools.combinations([True] * correct + [False] * (n - correct), k))
    assert stats.pass_at_k(n, correct, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_pass_at_more_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="needs at least"):
        stats.pass_at_k(4, 1, 8)


def test_150_items_at_ten_percent_show_about_five_points():
    assert stats.smallest_difference(150, 0.1) == pytest.approx(0.05, abs=0.004)
