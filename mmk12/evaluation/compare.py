"""Compares two runs on the same items: paired differences by benchmark and sub-score, and every item that flipped.

Only items that both runs were asked in the same words, with the same images and gold, and answered, are compared;
the others are named. Other differences between the runs (prompt, sampling, grader) are reported, not forbidden: they
may be what the user compares.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmk12.datasets.declarations import MetricsFunction
from mmk12.errors import BadInput
from mmk12.evaluation.grading import find_metrics
from mmk12.evaluation.metrics import compute_rates
from mmk12.evaluation.records import (
    BenchmarkComparison,
    Comparison,
    FlippedItem,
    PairedMetric,
    PairedScore,
    VerdictRow,
)
from mmk12.evaluation.run_folder import EvalRun
from mmk12.types import IMAGE_MARK, Sample, Sampling, Tag
from mmk12.utils import stats

_SETTINGS = ("protocol", "prompt", "sampling", "n", "min_pixels", "max_pixels", "profile")
"""The settings that should be equal, so that a difference is one of the models."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one run has of one item: the rows of its rollouts, and the sample."""

    rows: tuple[VerdictRow, ...]
    sample: Sample | None

    @property
    def score(self) -> float:
        """The mean over the rollouts."""
        return sum(row.correct for row in self.rows) / len(self.rows)

    @property
    def text(self) -> str | None:
        """The answer of the first rollout."""
        return self.rows[0].answer

    @property
    def answered(self) -> bool:
        """Whether every rollout has a response."""
        return all(row.finish_reason is not None for row in self.rows)

    @property
    def cluster(self) -> str:
        """The problem of the item."""
        return self.rows[0].problem

    @property
    def groups(self) -> Mapping[str, Tag]:
        """The tags of the item."""
        return self.rows[0].groups

    @property
    def gold(self) -> str | None:
        """The reference answer."""
        return self.sample.gold.text if self.sample else None

    def was_asked_like(self, other: Answer) -> bool:
        """Returns whether both runs were asked in the same words, with the same images, for the same gold.

        Saved answers may have been graded without the images: then the words and the gold decide.
        """
        a, b = self.sample, other.sample
        if a is None or b is None or (a.question, a.gold) != (b.question, b.gold):
            return False
        marks = a.question.count(IMAGE_MARK)
        return a.images == b.images or min(len(a.images), len(b.images)) < marks


def compare(a: Path, b: Path) -> Comparison:
    """Compares run `b` against run `a`, item by item.

    Differences are paired; their intervals and tests are those of `mmk12.utils.stats.compare_paired`. Items that only
    one run has or answered, or that were asked differently, are left out and named.

    Args:
        a: The folder of an evaluation run, the baseline.
        b: The folder of the run that is set against it.

    Raises:
        MissingData: A folder is no evaluation run, or the run has not finished.
        BadInput: The runs share no benchmark, or no item that was asked alike; or a file was damaged.
    """
    left, right = read_answers(EvalRun(a)), read_answers(EvalRun(b))
    shared = [name for name in left if name in right]
    if not shared:
        raise BadInput(f"The runs share no benchmark: {a} has {', '.join(left)}; {b} has {', '.join(right)}.")
    settings = EvalRun(a).settings()
    declared, metrics = settings.benchmarks, find_metrics(settings)
    return Comparison(
        benchmarks={
            name: _compare_benchmark(name, left[name], right[name], declared[name].groups, metrics[name])
            for name in shared
        }
    )


def list_cautions(a: Path, b: Path) -> list[str]:
    """Returns a line for each setting that differs between two runs: a difference of the results may be due to it."""
    first, second = EvalRun(a).settings(), EvalRun(b).settings()
    return [
        f"the {name} differs: {_format_setting(old)} in {a}, {_format_setting(new)} in {b}"
        for name, old, new in ((name, getattr(first, name), getattr(second, name)) for name in _SETTINGS)
        if old != new
    ]


def list_scaled_pictures(a: Path, b: Path) -> list[str]:
    """Returns a line if two runs scaled their pictures differently: then no item was asked alike."""
    bounds = [(one.min_pixels, one.max_pixels) for one in (EvalRun(a).settings(), EvalRun(b).settings())]
    if bounds[0] == bounds[1]:
        return []
    return ["the pictures were scaled to different sizes, so the runs are not compared item by item"]


def _format_setting(setting: object) -> str:
    if isinstance(setting, Sampling):
        return setting.describe()
    return str(getattr(setting, "name", setting))


def read_answers(run: EvalRun) -> dict[str, dict[str, Answer]]:
    """Returns {benchmark: {item: answer}}, in the order of the run. Raises `MissingData` if it has not finished."""
    rows: dict[str, dict[str, list[VerdictRow]]] = defaultdict(lambda: defaultdict(list))
    for row in run.verdicts():
        rows[row.benchmark][row.id].append(row)
    samples = {item.sample.id: item.sample for item in run.items() if isinstance(item.sample, Sample)}
    return {
        name: {item: Answer(tuple(rollouts), samples.get(item)) for item, rollouts in items.items()}
        for name, items in rows.items()
    }


def _compare_benchmark(
    name: str,
    a: Mapping[str, Answer],
    b: Mapping[str, Answer],
    groups: Sequence[str],
    metrics: MetricsFunction | None,
) -> BenchmarkComparison:
    in_a = {item for item, answer in a.items() if answer.answered}
    in_b = {item for item, answer in b.items() if answer.answered}
    both = [item for item in a if item in in_a & in_b]
    items = [item for item in both if a[item].was_asked_like(b[item])]
    differently = tuple(item for item in both if not a[item].was_asked_like(b[item]))
    if not items:
        why = f"{len(differently)} were asked differently (question, images or gold)" if differently else "none match"
        raise BadInput(f"The runs have no item of {name} in common: {why}.")
    score, test = _compare_items(items, a, b)
    flipped = [item for item in items if a[item].score != b[item].score]
    return BenchmarkComparison(
        **dict(score),
        p_value=test.p_value,
        test=test.test,
        metrics=_compare_metrics(items, a, b, metrics) if metrics else {},
        gained=tuple(item for item in flipped if b[item].score > a[item].score),
        lost=tuple(item for item in flipped if b[item].score < a[item].score),
        answers={item: FlippedItem(gold=a[item].gold, a=a[item].text, b=b[item].text) for item in flipped},
        groups={group: _compare_groups(items, a, b, group) for group in groups},
        only_a=tuple(item for item in a if item in in_a - in_b),
        only_b=tuple(item for item in b if item in in_b - in_a),
        asked_differently=differently,
    )


def _compare_items(
    items: Sequence[str], a: Mapping[str, Answer], b: Mapping[str, Answer]
) -> tuple[PairedScore, stats.Paired]:
    left, right = [a[item].score for item in items], [b[item].score for item in items]
    test = stats.compare_paired(left, right, [a[item].cluster for item in items])
    score = PairedScore(
        n=test.n,
        a=math.fsum(left) / len(left),
        b=math.fsum(right) / len(right),
        difference=test.difference,
        ci95=(test.interval.low, test.interval.high),
    )
    return score, test


def _compare_metrics(
    items: Sequence[str], a: Mapping[str, Answer], b: Mapping[str, Answer], metrics: MetricsFunction
) -> dict[str, PairedMetric]:
    """Returns the differences of the numbers over several items, paired by problem; none where a run has no value."""
    rates = [compute_rates([row for item in items for row in answers[item].rows], metrics) for answers in (a, b)]
    compared = {}
    for name, left in rates[0].items():
        right = rates[1].get(name, left)
        problems = [problem for problem in left.parts if problem in right.parts]
        if left.value is None or right.value is None or not problems:
            continue
        ours, theirs = ([rate.parts[problem] for problem in problems] for rate in (left, right))
        test = stats.compare_paired(ours, theirs, problems)
        compared[name] = PairedMetric(
            n=test.n,
            a=left.value,
            b=right.value,
            difference=test.difference,
            ci95=(test.interval.low, test.interval.high),
            p_value=test.p_value,
        )
    return compared


def _compare_groups(
    items: Sequence[str], a: Mapping[str, Answer], b: Mapping[str, Answer], group: str
) -> dict[str, PairedScore]:
    """Returns the difference by value of a tag; an item with several labels counts under each of them."""
    values: dict[str, list[str]] = defaultdict(list)
    for item in items:
        labels = a[item].groups.get(group, "unknown")
        for label in [labels] if isinstance(labels, str) else labels:
            values[label].append(item)
    return {value: _compare_items(part, a, b)[0] for value, part in sorted(values.items())}
