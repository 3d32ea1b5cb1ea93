"""How sure a number is. Formulas come from scipy; this file only chooses the right one.

Intervals are 95 % everywhere. Items that share a problem are not independent: with clusters, the interval is
Student's t over cluster totals (Miller 2024, arXiv 2411.00640, section 2.2).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of an accuracy or a difference, as fractions."""

    low: float
    high: float


def wilson(correct: int, n: int) -> Interval:
    """Wilson score interval of `correct` out of `n`; all of [0, 1] when nothing was measured."""
    from scipy.stats import binomtest

    if n == 0:
        return Interval(0.0, 1.0)
    found = binomtest(correct, n).proportion_ci(LEVEL, method="wilson")
    return Interval(float(found.low), float(found.high))


def clustered(scores: Sequence[float], clusters: Sequence[Hashable]) -> Interval:
    """Interval of the mean of `scores` when those of one cluster hang together (t with clusters - 1 degrees)."""
    from scipy.stats import t

    n, mean = len(scores), math.fsum(scores) / len(scores)
    sums: dict[Hashable, list[float]] = defaultdict(list)
    for score, cluster in zip(scores, clusters, strict=True):
        sums[cluster].append(score - mean)
    groups = len(sums)
    if groups < 2:
        return Interval(0.0, 1.0)
    variance = groups / (groups - 1) * math.fsum(math.fsum(part) ** 2 for part in sums.values()) / n**2
    half = float(t.ppf((1 + LEVEL) / 2, groups - 1)) * math.sqrt(variance)
    return Interval(max(0.0, mean - half), min(1.0, mean + half))


def mean_interval(scores: Sequence[float], clusters: Sequence[Hashable]) -> Interval:
    """The interval of an accuracy: Wilson for independent right-or-wrong items, clustered otherwise."""
    independent = len(set(clusters)) == len(clusters)
    if not scores or (independent and all(score in (0.0, 1.0) for score in scores)):
        return wilson(round(math.fsum(scores)), len(scores))
    return clustered(scores, clusters)


@dataclass(frozen=True, slots=True)
class Paired:
    """B against A on the same items: mean difference with its interval, exact McNemar p-value, flip counts."""

    n: int
    difference: float
    interval: Interval
    p_value: float
    gained: int
    lost: int


def paired(a: Sequence[bool], b: Sequence[bool], clusters: Sequence[Hashable]) -> Paired:
    """Compares two runs item by item. McNemar's test is exact (binomial on the items that flipped)."""
    from scipy.stats import binomtest

    gained = sum(y and not x for x, y in zip(a, b, strict=True))
    lost = sum(x and not y for x, y in zip(a, b, strict=True))
    p_value = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    differences = [float(y) - float(x) for x, y in zip(a, b, strict=True)]
    return Paired(
        n=len(differences),
        difference=math.fsum(differences) / len(differences) if differences else 0.0,
        interval=_difference_interval(differences, clusters),
        p_value=p_value,
        gained=gained,
        lost=lost,
    )


def _difference_interval(differences: Sequence[float], clusters: Sequence[Hashable]) -> Interval:
    """Student's t over clusters, on the scale [-1, 1]."""
    if len(set(clusters)) < 2:
        return Interval(-1.0, 1.0)
    half_scale = clustered([(difference + 1) / 2 for difference in differences], clusters)
    return Interval(2 * half_scale.low - 1, 2 * half_scale.high - 1)


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Unbiased chance that one of `k` completions is right, from `n` of which `correct` are (Chen et al. 2021)."""
    if not 0 < k <= n:
        raise ValueError(f"pass@{k} needs at least {k} completions, there are {n}")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def smallest_difference(n: int, accuracy: float) -> float:
    """Half the width of the Wilson interval at this accuracy: what `n` items can just show about one model."""
    interval = wilson(round(accuracy * n), n)
    return (interval.high - interval.low) / 2
