"""Confidence intervals and significance tests. The formulas come from scipy; this module chooses the right one.

All intervals are 95 %. Items that share a problem are not independent: with clusters, intervals and tests are
Student's t over cluster totals (Miller 2024, arXiv 2411.00640, section 2.2).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd


LEVEL = 0.95
"""The confidence level of all intervals."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval of an accuracy or a difference, as fractions."""

    low: float
    high: float

    @property
    def half(self) -> float:
        """Half of the width: the number after "±"."""
        return (self.high - self.low) / 2


def wilson_interval(correct: int, n: int) -> Interval:
    """Returns the Wilson score interval of `correct` out of `n`; [0, 1] if `n` is 0."""
    from scipy.stats import binomtest

    if n == 0:
        return Interval(0.0, 1.0)
    interval = binomtest(correct, n).proportion_ci(LEVEL, method="wilson")
    return Interval(float(interval.low), float(interval.high))


def clustered_interval(scores: Sequence[float], clusters: Sequence[Hashable]) -> Interval:
    """Returns the interval of the mean of `scores` that are correlated within clusters (t, clusters - 1 degrees)."""
    mean, error, degrees = _clustered(scores, clusters)
    if degrees < 1:
        return Interval(0.0, 1.0)
    half = _t(degrees) * error
    return Interval(max(0.0, mean - half), min(1.0, mean + half))


def mean_interval(scores: Sequence[float], clusters: Sequence[Hashable]) -> Interval:
    """Returns the interval of an accuracy: Wilson for independent items scored 0 or 1, clustered otherwise.

    Scores that are all 0 or all 1 have no variance to estimate from: each cluster then counts as one item.
    """
    groups = len(set(clusters))
    independent = groups == len(clusters)
    if not scores or (independent and all(score in (0.0, 1.0) for score in scores)):
        return wilson_interval(round(math.fsum(scores)), len(scores))
    if set(scores) in ({0.0}, {1.0}):
        return wilson_interval(groups * round(scores[0]), groups)
    return clustered_interval(scores, clusters)


def _clustered(scores: Sequence[float], clusters: Sequence[Hashable]) -> tuple[float, float, int]:
    """Returns (mean, its standard error, degrees of freedom) of scores that are correlated within clusters."""
    n, mean = len(scores), math.fsum(scores) / len(scores)
    sums: dict[Hashable, list[float]] = defaultdict(list)
    for score, cluster in zip(scores, clusters, strict=True):
        sums[cluster].append(score - mean)
    groups = len(sums)
    if groups < 2:
        return mean, math.inf, 0
    variance = groups / (groups - 1) * math.fsum(math.fsum(part) ** 2 for part in sums.values()) / n**2
    return mean, math.sqrt(variance), groups - 1


def _t(degrees: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, degrees))


@dataclass(frozen=True, slots=True)
class Paired:
    """B minus A on the same items: the mean difference, its interval, and the p-value of `test` for no difference.

    `gained` and `lost` count the items on which B, or A, scores higher.
    """

    n: int
    difference: float
    interval: Interval
    p_value: float
    test: Literal["exact McNemar", "t over clusters"]
    gained: int
    lost: int


def compare_paired(a: Sequence[float], b: Sequence[float], clusters: Sequence[Hashable]) -> Paired:
    """Compares the scores of two runs item by item. Raises `ValueError` without items.

    Independent items scored 0 or 1: McNemar's exact test (binomial over the items that changed), with the interval of
    Agresti and Min (2005, Statistics in Medicine 24:729), which stays valid if few or no items changed. Items that
    share a problem, and means over rollouts: Student's t over clusters, for both.
    """
    if not a:
        raise ValueError("there are no items to compare")
    differences = [y - x for x, y in zip(a, b, strict=True)]
    gained, lost = sum(d > 0 for d in differences), sum(d < 0 for d in differences)
    mean = math.fsum(differences) / len(differences)
    if all(d in (-1.0, 0.0, 1.0) for d in differences) and len(set(clusters)) == len(clusters):
        interval, p_value = _agresti_min(gained, lost, len(differences)), _mcnemar(gained, lost)
        return Paired(len(differences), mean, interval, p_value, "exact McNemar", gained, lost)
    interval, p_value = _clustered_difference(differences, clusters)
    return Paired(len(differences), mean, interval, p_value, "t over clusters", gained, lost)


def _mcnemar(gained: int, lost: int) -> float:
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def _agresti_min(gained: int, lost: int, n: int) -> Interval:
    """Returns Wald's interval after half an item is added to each cell of the 2 x 2 table."""
    from scipy.stats import norm

    up, down, total = gained + 0.5, lost + 0.5, n + 2
    mean = (up - down) / total
    half = float(norm.ppf((1 + LEVEL) / 2)) * math.sqrt(((up + down) / total - mean**2) / total)
    return Interval(max(-1.0, mean - half), min(1.0, mean + half))


def _clustered_difference(differences: Sequence[float], clusters: Sequence[Hashable]) -> tuple[Interval, float]:
    from scipy.stats import t

    mean, error, degrees = _clustered(differences, clusters)
    if len(set(differences)) == 1:  # no variance: each cluster counts as one item
        gained, lost = (degrees + 1) * (differences[0] > 0), (degrees + 1) * (differences[0] < 0)
        return _agresti_min(gained, lost, degrees + 1), _mcnemar(gained, lost)
    if degrees < 1:
        return Interval(-1.0, 1.0), 1.0
    half = _t(degrees) * error
    p_value = float(2 * t.sf(abs(mean) / error, degrees))
    return Interval(max(-1.0, mean - half), min(1.0, mean + half)), p_value


def combine_means(parts: Sequence[tuple[float, Interval]]) -> tuple[float, Interval]:
    """Returns the mean of independent numbers and its interval, from theirs (MOVER; Zou and Donner 2008)."""
    k = len(parts)
    mean = math.fsum(value for value, _ in parts) / k
    below = math.sqrt(math.fsum((value - interval.low) ** 2 for value, interval in parts)) / k
    above = math.sqrt(math.fsum((interval.high - value) ** 2 for value, interval in parts)) / k
    return mean, Interval(mean - below, mean + above)


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Returns the unbiased estimate of pass@k from `n` completions of which `correct` are right (Chen et al. 2021)."""
    if not 0 < k <= n:
        raise ValueError(f"pass@{k} needs at least {k} completions, there are {n}")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def smallest_difference(interval: Interval) -> float:
    """Returns the smallest significant difference (95 %) of two independent estimates with this interval."""
    return math.sqrt(2) * interval.half


def clustered_means(table: pd.DataFrame, value: str, *, by: str, cluster: str, share: bool = True) -> pd.DataFrame:
    """Returns `mean`, `low`, `high`, `n` of the column `value` for each value of `by`, such as the training step.

    Rows with the same `cluster`, such as the rollouts of one prompt, are correlated: the interval is Student's t over
    clusters. A `share` lies in [0, 1]; if all values are 0 or all are 1, which shows no variance, the interval is
    Wilson's with each cluster as one item. With fewer than two clusters it is as wide as possible.
    """
    import numpy as np
    import pandas as pd
    from scipy.stats import t

    known = table.loc[table[value].notna(), [by, cluster, value]].astype({value: "float64"})
    parts = known.groupby([by, cluster], observed=True, sort=True)[value].agg(["sum", "count"])
    over = parts.groupby(level=0, observed=True)
    n, groups = over["count"].sum(), over.size()
    mean = over["sum"].sum() / n
    keys = parts.index.get_level_values(0)
    residual = (parts["sum"] - parts["count"] * mean.reindex(keys).to_numpy()) ** 2
    spread = residual.groupby(level=0, observed=True).sum()
    error = np.sqrt(groups / (groups - 1).clip(lower=1) * spread) / n
    half = pd.Series(t.ppf((1 + LEVEL) / 2, (groups - 1).clip(lower=1)), groups.index) * error
    half[groups < 2] = np.inf
    means = pd.DataFrame({"mean": mean, "low": mean - half, "high": mean + half, "n": n})
    if share:
        flat = mean.isin((0.0, 1.0))
        low, high = _wilson_columns(mean[flat], groups[flat])
        means.loc[flat, "low"], means.loc[flat, "high"] = low, high
        means[["low", "high"]] = means[["low", "high"]].clip(0.0, 1.0)
    return means


def student_t_interval(values: pd.Series) -> Interval:
    """Returns Student's t interval of the mean of at least two independent values."""
    from scipy.stats import t

    numbers = values.to_numpy(dtype="float64")
    error = float(numbers.std(ddof=1)) / len(numbers) ** 0.5
    mean, half = float(numbers.mean()), error * float(t.ppf((1 + LEVEL) / 2, len(numbers) - 1))
    return Interval(mean - half, mean + half)


def _wilson_columns(rate: pd.Series, n: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Returns the Wilson score interval of each row."""
    from scipy.stats import norm

    z2 = float(norm.ppf((1 + LEVEL) / 2)) ** 2
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = (z2 * (rate * (1 - rate) / n + z2 / (4 * n**2))) ** 0.5 / (1 + z2 / n)
    return centre - half, centre + half
