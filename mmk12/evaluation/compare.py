"""Two runs on the same items: the paired difference and how sure it is, by benchmark and sub-score, and every flip.

Only items that both runs were asked in the same words, with the same pictures and gold, and answered, are compared;
the others are named. What else differs between the runs (prompt, sampling, grader) is said, not forbidden: it may be
the very thing to compare.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmk12.errors import BadInput
from mmk12.evaluation.run_folder import EvalRun
from mmk12.types import Sample
from mmk12.utils import stats

_SETTINGS = ("prompt", "sampling", "n", "profile")
"""What should be equal in run.json, so that a difference is one of the models."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one run has of one item: the mean score of its rollouts, what the first one said, how it was asked."""

    score: float
    said: str | None
    answered: bool
    cluster: str
    groups: Mapping[str, Any]
    asked: Sample | None

    @property
    def gold(self) -> str | None:
        """The reference answer."""
        return self.asked.gold.text if self.asked else None

    def asked_like(self, other: _Answer) -> bool:
        """Whether both runs were asked in the same words, with the same pictures, for the same gold."""
        if self.asked is None or other.asked is None:
            return False
        fields = [(one.question, one.images, one.gold) for one in (self.asked, other.asked)]
        return fields[0] == fields[1]


def compare(a: Path, b: Path) -> dict[str, Any]:
    """Run `b` against run `a`, item by item, in the shape

    {benchmark: {n, a, b, difference, ci95, p_value, test, gained, lost, answers, groups, only_a, only_b,
    asked_differently}}.

    `gained` and `lost` name the items on which `b`, or `a`, scores higher, `answers` holds {item: {gold, a, b}} for
    them; `groups` holds {group: {value: {n, a, b, difference, ci95}}}; the last three name the items that are left
    out. Raises `BadInput` when the runs share no
    benchmark, or no item that was asked alike.
    """
    left, right = _read_answers(EvalRun(a)), _read_answers(EvalRun(b))
    shared = [name for name in left if name in right]
    if not shared:
        raise BadInput(f"The runs share no benchmark: {a} has {', '.join(left)}; {b} has {', '.join(right)}.")
    groups = EvalRun(a).settings()["benchmarks"]
    return {name: _compare_benchmark(name, left[name], right[name], groups[name]["groups"]) for name in shared}


def list_cautions(a: Path, b: Path) -> list[str]:
    """What differs between the settings of two runs, a line each: a difference may be due to it."""
    first, second = EvalRun(a).settings(), EvalRun(b).settings()
    return [
        f"the {name} differs: {_format_answer(first[name])} in {a}, {_format_answer(second[name])} in {b}"
        for name in _SETTINGS
        if first[name] != second[name]
    ]


def _format_answer(setting: Any) -> str:
    if isinstance(setting, dict):
        return str(setting.get("name") or ", ".join(f"{name} {value}" for name, value in setting.items()))
    return str(setting)


def _read_answers(run: EvalRun) -> dict[str, dict[str, _Answer]]:
    """{benchmark: {item: answer}}, in the order of the run."""
    rows: dict[str, dict[str, list[Mapping[str, Any]]]] = defaultdict(lambda: defaultdict(list))
    for row in run.verdicts():
        rows[row["benchmark"]][row["id"]].append(row)
    asked = {item.sample.id: item.sample for item in run.items() if isinstance(item.sample, Sample)}
    return {
        name: {item: _join_answer(own, asked.get(item)) for item, own in items.items()} for name, items in rows.items()
    }


def _join_answer(rows: Sequence[Mapping[str, Any]], asked: Sample | None) -> _Answer:
    return _Answer(
        score=sum(row["correct"] for row in rows) / len(rows),
        said=rows[0]["answer"],
        answered=all(row["finish_reason"] is not None for row in rows),
        cluster=rows[0]["cluster"] or rows[0]["id"],
        groups=rows[0]["groups"],
        asked=asked,
    )


def _compare_benchmark(
    name: str, a: Mapping[str, _Answer], b: Mapping[str, _Answer], groups: Sequence[str]
) -> dict[str, Any]:
    in_a = {item for item, answer in a.items() if answer.answered}
    in_b = {item for item, answer in b.items() if answer.answered}
    both = [item for item in a if item in in_a & in_b]
    items = [item for item in both if a[item].asked_like(b[item])]
    differently = [item for item in both if not a[item].asked_like(b[item])]
    if not items:
        why = f"{len(differently)} were asked differently (question, pictures or gold)" if differently else "none match"
        raise BadInput(f"The runs have no item of {name} in common: {why}.")
    numbers, found = _difference(items, a, b)
    flipped = [item for item in items if a[item].score != b[item].score]
    return {
        **numbers,
        "p_value": found.p_value,
        "test": found.test,
        "gained": [item for item in flipped if b[item].score > a[item].score],
        "lost": [item for item in flipped if b[item].score < a[item].score],
        "answers": {item: {"gold": a[item].gold, "a": a[item].said, "b": b[item].said} for item in flipped},
        "groups": {group: _sub_scores(items, a, b, group) for group in groups},
        "only_a": [item for item in a if item in in_a - in_b],
        "only_b": [item for item in b if item in in_b - in_a],
        "asked_differently": differently,
    }


def _difference(
    items: Sequence[str], a: Mapping[str, _Answer], b: Mapping[str, _Answer]
) -> tuple[dict[str, Any], stats.Paired]:
    left, right = [a[item].score for item in items], [b[item].score for item in items]
    found = stats.compare_paired(left, right, [a[item].cluster for item in items])
    return {
        "n": found.n,
        "a": math.fsum(left) / len(left),
        "b": math.fsum(right) / len(right),
        "difference": found.difference,
        "ci95": [found.interval.low, found.interval.high],
    }, found


def _sub_scores(
    items: Sequence[str], a: Mapping[str, _Answer], b: Mapping[str, _Answer], group: str
) -> dict[str, dict[str, Any]]:
    values: dict[str, list[str]] = defaultdict(list)
    for item in items:
        labels = a[item].groups.get(group, "unknown")
        for label in [labels] if isinstance(labels, str) else labels:
            values[label].append(item)
    return {value: _difference(part, a, b)[0] for value, part in sorted(values.items())}
