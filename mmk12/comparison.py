"""Two runs on the same items: the difference with its interval, McNemar's test, and the items that flipped."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmk12 import stats
from mmk12.errors import BadInput
from mmk12.run import Run


def compare(a: Path, b: Path) -> dict[str, Any]:
    """Run `b` against run `a`, item by item: {benchmark: {n, a, b, difference, ci95, p_value, gained, lost}}.

    `gained` and `lost` name the items that only `b`, or only `a`, answers right. Items with several rollouts count as
    right when rollout 0 is. Raises `BadInput` when the runs share no benchmark, or were asked different items.
    """
    first, second = Run(a), Run(b)
    left, right = _by_benchmark(first), _by_benchmark(second)
    shared = [name for name in left if name in right]
    if not shared:
        raise BadInput(f"The runs share no benchmark: {a} has {', '.join(left)}; {b} has {', '.join(right)}.")
    return {name: _compared(left[name], right[name]) for name in shared}


def _by_benchmark(run: Run) -> dict[str, dict[str, Mapping[str, Any]]]:
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in run.verdicts():
        if row["index"] == 0:
            found.setdefault(row["benchmark"], {})[row["id"]] = row
    return found


def _compared(a: Mapping[str, Mapping[str, Any]], b: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    shared = [item for item in a if item in b]
    only = len(a.keys() ^ b.keys())
    if not shared:
        raise BadInput("The runs have no item in common.")
    right_a = [bool(a[item]["correct"]) for item in shared]
    right_b = [bool(b[item]["correct"]) for item in shared]
    found = stats.paired(right_a, right_b, [a[item]["cluster"] or item for item in shared])
    numbers = dataclasses.asdict(found)
    interval = numbers.pop("interval")
    flips = list(zip(shared, right_a, right_b, strict=True))
    return {
        **numbers,
        "a": sum(right_a) / len(shared),
        "b": sum(right_b) / len(shared),
        "ci95": [interval["low"], interval["high"]],
        "not_shared": only,
        "gained": [item for item, x, y in flips if y and not x],
        "lost": [item for item, x, y in flips if x and not y],
    }
