"""Numbers over several items of a benchmark, each with its 95 % interval: shares of problems, and ratios of two shares.

A rate is the mean of its parts, one part per problem. So two runs on the same problems are compared pair by pair, as
single items are. A ratio is linearised: its parts are those whose mean is the ratio, and whose variance is that of the
delta method (Cochran, Sampling Techniques, 1977, section 2.11).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mmk12.utils.stats import Interval, clustered_interval, mean_interval, wilson_interval


@dataclass(frozen=True, slots=True)
class Rate:
    """A number between 0 and 1 over `n` problems. `value` and `interval` are None if there is no problem to count.

    `parts` maps each problem to its part; their mean is the value.
    """

    value: float | None
    interval: Interval | None
    n: int
    parts: Mapping[str, float] = field(default_factory=dict)


def share(parts: Mapping[str, float]) -> Rate:
    """Returns the mean of a score from 0 to 1 that each problem has; Wilson's interval if all are 0 or 1, else t."""
    if not parts:
        return Rate(None, None, 0)
    scores = list(parts.values())
    return Rate(math.fsum(scores) / len(scores), mean_interval(scores, list(parts)), len(scores), dict(parts))


def ratio(pairs: Mapping[str, tuple[float, float]]) -> Rate:
    """Returns the sum of the first numbers over the sum of the second, each pair of one problem.

    If all are 0 or 1, the interval is Wilson's among the problems whose second number is 1, and `n` counts these.
    """
    over, under = (math.fsum(pair[side] for pair in pairs.values()) for side in (0, 1))
    if not under:
        return Rate(None, None, 0)
    value, mean = over / under, under / len(pairs)
    parts = {problem: value + (first - value * second) / mean for problem, (first, second) in pairs.items()}
    if all(number in (0.0, 1.0) for pair in pairs.values() for number in pair):
        return Rate(value, wilson_interval(round(over), round(under)), round(under), parts)
    return Rate(value, clustered_interval(list(parts.values()), list(parts)), len(pairs), parts)


def average(rates: Sequence[Rate]) -> Rate:
    """Returns the mean of one rate over several runs on the same problems; that of the single run if there is one."""
    known = [rate for rate in rates if rate.value is not None]
    if len(known) < 2:
        return known[0] if known else Rate(None, None, 0)
    sums: dict[str, list[float]] = defaultdict(list)
    for rate in known:
        for problem, part in rate.parts.items():
            sums[problem].append(part)
    parts = {problem: math.fsum(values) / len(values) for problem, values in sums.items()}
    value = math.fsum(rate.value or 0.0 for rate in known) / len(known)
    return Rate(value, clustered_interval(list(parts.values()), list(parts)), max(rate.n for rate in known), parts)
