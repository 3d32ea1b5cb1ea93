"""Computes the numbers of a benchmark from its verdicts: accuracy with its interval, rates, and declared sub-scores.

Accuracy is correct over *all* declared items. A response without an answer, a gold that cannot be used and a missing
image score no point, and each is counted under its own name. Where no item at all has a response that can be graded,
nothing was measured, and there is no accuracy.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from mmk12.datasets.declarations import MetricsFunction
from mmk12.evaluation.records import GroupScore, Metrics, MetricScore, OfficialScore, VerdictRow
from mmk12.types import Graded
from mmk12.utils import rates, stats
from mmk12.utils.rates import Rate

NOT_ASKED = "not asked"
"""The rule of an item without image or prompt: it counts as an item, and never as a wrong answer."""
NO_COMPLETION = "no completion"
"""The rule of a request that the engine did not answer."""
Column = Literal["correct", "official"]


def is_answered(row: VerdictRow) -> bool:
    """Whether there is a response."""
    return row.rule not in (NOT_ASKED, NO_COMPLETION)


def aggregate(rows: Sequence[VerdictRow], groups: Sequence[str], metrics: MetricsFunction | None = None) -> Metrics:
    """Returns the numbers of one benchmark.

    Rows of one item (rollouts 0 … n-1) count as one item whose score is their mean. With several of them the accuracy
    is mean@k, and pass@k is estimated for powers of two and k = n (Chen et al. 2021).

    Args:
        rows: All rows of the benchmark.
        groups: The tags that get sub-scores; items without the tag are filed under "unknown".
        metrics: What the benchmark computes over several items.
    """
    items = _group_by_item(rows)
    tokens = [row.completion_tokens for row in rows if row.rule != NOT_ASKED and row.completion_tokens is not None]
    statuses = Counter[str](row.status for row in rows)
    rollouts = min((len(item) for item in items if item[0].rule != NOT_ASKED), default=0)
    correct, score = _score(items)
    several = rollouts > 1 and score.accuracy is not None
    return Metrics(
        n=score.n,
        correct=correct,
        accuracy=score.accuracy,
        ci95=score.ci95,
        unanswered=sum(not all(map(is_answered, item)) for item in items),
        no_answer_rate=_rate(statuses["no_answer"], len(rows)),
        truncation_rate=_rate(sum(row.finish_reason == "length" for row in rows), len(rows)),
        format_rate=_rate(sum(row.format_ok for row in rows), len(rows)),
        mean_tokens=round(math.fsum(tokens) / len(tokens), 1) if tokens else None,
        statuses=dict(sorted(statuses.items())),
        mean_at={str(rollouts): score.accuracy} if several and score.accuracy is not None else {},
        pass_at={str(k): _pass_at(items, k) for k in _powers_of_two(rollouts)} if several else {},
        per_run=tuple(_accuracy_of_run(items, index) for index in range(rollouts)) if several else (),
        groups={name: _sub_scores(items, name) for name in groups},
        metrics=_show_rates(compute_rates(rows, metrics)) if metrics else {},
        official=_official(rows, items, metrics),
    )


def compute_rates(rows: Sequence[VerdictRow], metrics: MetricsFunction, column: Column = "correct") -> dict[str, Rate]:
    """Returns the metrics of a benchmark; with several rollouts, the mean of each over the rollouts."""
    items = _group_by_item(rows)
    runs = max((len(item) for item in items), default=0)
    found: dict[str, list[Rate]] = defaultdict(list)
    for index in range(runs):
        for name, rate in metrics([_grade(item, index, column) for item in items]).items():
            found[name].append(rate)
    return {name: rates.average(values) for name, values in found.items()}


def _grade(item: Sequence[VerdictRow], index: int, column: Column) -> Graded:
    row = _row_of_run(item, index)
    return Graded(row.id.removeprefix(f"{row.benchmark}/"), row.problem, row.groups, bool(getattr(row, column)))


def _row_of_run(item: Sequence[VerdictRow], index: int) -> VerdictRow:
    return item[min(index, len(item) - 1)]  # an item that could not be asked has one row for all runs


def _show_rates(found: Mapping[str, Rate]) -> dict[str, MetricScore]:
    return {
        name: MetricScore(
            n=rate.n,
            value=None if rate.value is None else round(rate.value, 6),
            ci95=None if rate.interval is None else (round(rate.interval.low, 6), round(rate.interval.high, 6)),
        )
        for name, rate in found.items()
    }


Items = Sequence[Sequence[VerdictRow]]
"""The rows of each item, its rollouts."""


def _group_by_item(rows: Sequence[VerdictRow]) -> list[list[VerdictRow]]:
    items: dict[str, list[VerdictRow]] = defaultdict(list)
    for row in rows:
        items[row.id].append(row)
    return list(items.values())


def _score(items: Items, column: Column = "correct") -> tuple[int | float, GroupScore]:
    """Returns the sum and the mean of the items' scores; a rollout scores a point where `column` is true."""
    scores = [sum(bool(getattr(row, column)) for row in item) / len(item) for item in items]
    total = math.fsum(scores)
    shown = round(total) if total == round(total) else round(total, 4)
    if not any(is_answered(row) and row.status != "gold_unusable" for item in items for row in item):
        return shown, GroupScore(n=len(items), accuracy=None, ci95=None)
    interval = stats.mean_interval(scores, [item[0].problem for item in items])
    return shown, GroupScore(
        n=len(items),
        accuracy=round(total / len(items), 6),
        ci95=(round(interval.low, 6), round(interval.high, 6)),
    )


def _accuracy_of_run(items: Items, index: int) -> float:
    rows = [_row_of_run(item, index) for item in items]
    return _rate(sum(row.correct for row in rows), len(rows))


def _official(rows: Sequence[VerdictRow], items: Items, metrics: MetricsFunction | None) -> OfficialScore | None:
    """Returns the accuracy by the publisher's arithmetic and its agreement with ours; None if no row has it."""
    both = [(row.correct, row.official) for row in rows if row.official is not None]
    _, score = _score(items, "official")
    if not both or score.accuracy is None or score.ci95 is None:
        return None
    return OfficialScore(
        accuracy=score.accuracy,
        ci95=score.ci95,
        agreement=_rate(sum(ours == theirs for ours, theirs in both), len(both)),
        only_strict=sum(ours and not theirs for ours, theirs in both),
        only_official=sum(theirs and not ours for ours, theirs in both),
        metrics=_show_rates(compute_rates(rows, metrics, "official")) if metrics else {},
    )


def _sub_scores(items: Items, group: str) -> dict[str, GroupScore]:
    """Returns the score of each value of a tag; an item with several labels counts under each of them."""
    values: dict[str, list[Sequence[VerdictRow]]] = defaultdict(list)
    for item in items:
        tag = item[0].groups.get(group, "unknown")
        for value in (tag,) if isinstance(tag, str) else tag:
            values[value].append(item)
    return {value: _score(part)[1] for value, part in sorted(values.items())}


def _pass_at(items: Items, k: int) -> float:
    chances = [
        0.0 if item[0].rule == NOT_ASKED else stats.pass_at_k(len(item), sum(row.correct for row in item), k)
        for item in items
    ]
    return round(math.fsum(chances) / len(chances), 6)


def _powers_of_two(n: int) -> list[int]:
    return sorted({1 << power for power in range(n.bit_length()) if 1 << power <= n} | {n})


def _rate(count: int, total: int) -> float:
    return round(count / total, 6) if total else 0.0
