"""Intervals against closed forms and brute force."""

import itertools
import math
import random

import pytest

from mmk12.utils import stats


@pytest.mark.parametrize(("correct", "n"), [(0, 10), (3, 10), (10, 10), (135, 500), (4, 150)])
def test_wilson_is_the_closed_form(correct, n):
    z, p = 1.959963984540054, correct / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    found = stats.wilson_interval(correct, n)
    assert found.low == pytest.approx(max(0, centre - half), abs=1e-12)
    assert found.high == pytest.approx(min(1, centre + half), abs=1e-12)


def test_nothing_measured_is_nothing_known():
    assert stats.wilson_interval(0, 0) == stats.Interval(0.0, 1.0)


def test_clusters_of_one_are_the_t_interval_of_a_mean():
    scores = [0.4, 0.6, 0.6, 0.5, 0.45]
    mean = sum(scores) / 5
    error = math.sqrt(sum((score - mean) ** 2 for score in scores) / 4 / 5)
    found = stats.clustered_interval(scores, range(5))
    assert (found.high - found.low) / 2 == pytest.approx(2.7764451051977987 * error)


def test_copies_of_an_item_add_no_certainty():
    scores = [0.0, 1.0, 1.0, 0.0, 1.0, 1.0]
    once = stats.clustered_interval(scores, range(6))
    five = stats.clustered_interval([s for s in scores for _ in range(5)], [c for c in range(6) for _ in range(5)])
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
        interval = stats.clustered_interval(scores, clusters)
        covered += interval.low <= 0.5 <= interval.high
    assert 0.91 <= covered / 300 <= 0.98


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_clusters_without_spread_count_as_one_item_each(score):
    found = stats.mean_interval([score] * 20, [number // 5 for number in range(20)])
    assert found == stats.wilson_interval(4 * int(score), 4)


def test_mcnemar_is_the_exact_binomial():
    a = [True] * 10 + [False] * 10 + [True] * 5
    b = [True] * 10 + [True] * 8 + [False] * 2 + [False] * 5
    found = stats.compare_paired(a, b, range(25))
    assert (found.gained, found.lost, found.test) == (8, 5, "exact McNemar")
    tail = sum(math.comb(13, k) for k in range(8, 14)) / 2**13
    assert found.p_value == pytest.approx(2 * tail)
    assert found.difference == pytest.approx(3 / 25)
    assert found.interval.low < 3 / 25 < found.interval.high


def test_equal_runs_do_not_differ_but_few_items_prove_little():
    few, many = (stats.compare_paired([1, 0] * n, [1, 0] * n, range(2 * n)) for n in (2, 500))
    assert (many.difference, many.p_value, many.gained, many.lost) == (0.0, 1.0, 0, 0)
    assert many.interval.half < 0.002 < 0.2 < few.interval.half


@pytest.mark.parametrize(("n", "up", "down"), [(30, 0.1, 0.1), (30, 0.02, 0.0), (60, 0.2, 0.05), (150, 0.03, 0.01)])
def test_the_interval_of_a_difference_covers_the_truth(n, up, down):
    """Exactly: over every outcome of n items that are gained with chance `up` and lost with chance `down`."""
    covered = 0.0
    for gained, lost in itertools.product(range(n + 1), repeat=2):
        if gained + lost > n:
            continue
        ways = math.comb(n, gained) * math.comb(n - gained, lost)
        chance = ways * up**gained * down**lost * (1 - up - down) ** (n - gained - lost)
        if chance > 1e-9:
            interval = stats._agresti_min(gained, lost, n)
            covered += chance * (interval.low <= up - down <= interval.high)
    assert covered > 0.94


def test_clustered_items_are_compared_by_problem():
    """One problem in five versions that all flip is one observation, not five."""
    a, b = [0] * 50, [1] * 5 + [0] * 45
    assert stats.compare_paired(a, b, range(50)).p_value == pytest.approx(2 / 2**5)
    found = stats.compare_paired(a, b, [number // 5 for number in range(50)])
    assert found.test == "t over clusters"
    # The one-sample t-test of ten problem means, one of them 1.
    assert found.p_value == pytest.approx(0.3434364)
    assert found.interval.low < 0 < found.interval.high


def test_means_over_rollouts_are_compared_by_t():
    found = stats.compare_paired([0.5, 0.25, 0.0, 1.0], [0.75, 0.5, 0.5, 1.0], "wxyz")
    assert (found.gained, found.lost, found.test) == (3, 0, "t over clusters")
    assert found.p_value == pytest.approx(0.0917211)  # scipy.stats.ttest_1samp([0.25, 0.25, 0.5, 0], 0)


@pytest.mark.parametrize("d", [-1, 0, 1])
def test_differences_without_spread_count_as_one_item_per_cluster(d):
    a, b = [int(d < 0)] * 10, [int(d > 0)] * 10
    found = stats.compare_paired(a, b, [number // 2 for number in range(10)])
    assert found.interval == stats.compare_paired(a[:5], b[:5], range(5)).interval
    assert found.p_value == (0.0625 if d else 1.0)


def test_nothing_to_compare_is_an_error():
    with pytest.raises(ValueError, match="no items"):
        stats.compare_paired([], [], [])


def test_the_mean_of_numbers_is_surer_than_each():
    mean, interval = stats.combine_means([(0.5, stats.Interval(0.4, 0.6)), (0.3, stats.Interval(0.2, 0.5))])
    assert mean == pytest.approx(0.4)
    assert interval.low == pytest.approx(0.4 - math.hypot(0.1, 0.1) / 2)
    assert interval.high == pytest.approx(0.4 + math.hypot(0.1, 0.2) / 2)
    assert stats.combine_means([(0.5, stats.Interval(0.4, 0.6))])[1].half == pytest.approx(0.1)


@pytest.mark.parametrize(("n", "correct", "k"), [(8, 0, 8), (8, 8, 1), (8, 3, 1), (8, 3, 4), (6, 2, 3)])
def test_pass_at_k_is_the_share_of_subsets_with_a_right_one(n, correct, k):
    subsets = list(itertools.combinations([True] * correct + [False] * (n - correct), k))
    assert stats.pass_at_k(n, correct, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_pass_at_more_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="needs at least"):
        stats.pass_at_k(4, 1, 8)


def test_150_items_at_ten_percent_show_about_five_points():
    interval = stats.wilson_interval(15, 150)
    assert interval.half == pytest.approx(0.05, abs=0.004)
    assert stats.smallest_difference(interval) == pytest.approx(math.sqrt(2) * interval.half)
