"""Verdicts -> numbers: accuracy with its interval, the rates that explain it, and the declared sub-scores.

Accuracy is correct over *all* declared items. A response without answer, a gold that cannot be used, a picture
that was missing: none of them is a point, and each is counted under its own name.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from mmk12.utils import stats

Row = Mapping[str, Any]
"""A line of verdicts.jsonl."""


def aggregate(rows: Sequence[Row], groups: Sequence[str]) -> dict[str, Any]:
    """The numbers of one benchmark, in the shape of `results.json`.

    Rows of one item (rollouts 0 … n-1) count as one item whose score is their mean. With several of them, the accuracy
    is mean@k, under that name too, and pass@k is estimated. `official` is there where the publisher's arithmetic is.
    """
    items = _by_item(rows)
    asked = [row for row in rows if row["rule"] != "not asked"]
    tokens = [row["completion_tokens"] for row in asked if row["completion_tokens"] is not None]
    statuses = Counter(row["status"] for row in rows)
    rollouts = min((len(item) for item in items), default=0)
    scored = _score(items)
    return {
        **scored,
        "no_answer_rate": _rate(statuses["no_answer"], len(rows)),
        "truncation_rate": _rate(sum(row["finish_reason"] == "length" for row in rows), len(rows)),
        "format_rate": _rate(sum(row["format_ok"] for row in rows), len(rows)),
        "mean_tokens": round(math.fsum(tokens) / len(tokens), 1) if tokens else None,
        "statuses": dict(sorted(statuses.items())),
        "mean_at": {str(rollouts): scored["accuracy"]} if rollouts > 1 else {},
        "pass_at": {str(k): _pass_at(items, k) for k in _powers_of_two(rollouts)} if rollouts > 1 else {},
        "groups": {name: _sub_scores(items, name) for name in groups},
        **_official(rows, items),
    }


def _by_item(rows: Sequence[Row]) -> list[list[Row]]:
    items: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        items[row["id"]].append(row)
    return list(items.values())


def _official(rows: Sequence[Row], items: Sequence[Sequence[Row]]) -> dict[str, Any]:
    """The accuracy by the publisher's arithmetic, and where it differs: how many responses only one of the two pays."""
    both = [(row["correct"], row["official"]) for row in rows if row["official"] is not None]
    if not both:
        return {}
    scored = _score(items, "official")
    return {
        "official": {
            "accuracy": scored["accuracy"],
            "ci95": scored["ci95"],
            "agreement": _rate(sum(ours == theirs for ours, theirs in both), len(both)),
            "only_strict": sum(ours and not theirs for ours, theirs in both),
            "only_official": sum(theirs and not ours for ours, theirs in both),
        }
    }


def _score(items: Sequence[Sequence[Row]], by: str = "correct") -> dict[str, Any]:
    scores = [sum(bool(row[by]) for row in item) / len(item) for item in items]
    clusters = [item[0]["cluster"] or item[0]["id"] for item in items]
    interval = stats.mean_interval(scores, clusters)
    total = math.fsum(scores)
    return {
        "n": len(items),
        "correct": round(total) if total == round(total) else round(total, 4),
        "accuracy": round(total / len(items), 6) if items else 0.0,
        "ci95": [round(interval.low, 6), round(interval.high, 6)],
    }


def _sub_scores(items: Sequence[Sequence[Row]], group: str) -> dict[str, Any]:
    """The score of each value; an item with several labels counts under each of them."""
    values: dict[str, list[Sequence[Row]]] = defaultdict(list)
    for item in items:
        tag = item[0]["groups"].get(group, "unknown")
        for value in (tag,) if isinstance(tag, str) else tag:
            values[value].append(item)
    scores = {value: _score(part) for value, part in sorted(values.items())}
    return {value: {name: score[name] for name in ("n", "accuracy", "ci95")} for value, score in scores.items()}


def _pass_at(items: Sequence[Sequence[Row]], k: int) -> float:
    chances = [stats.pass_at_k(len(item), sum(row["correct"] for row in item), k) for item in items]
    return round(math.fsum(chances) / len(chances), 6)


def _powers_of_two(n: int) -> list[int]:
    return sorted({1 << power for power in range(n.bit_length()) if 1 << power <= n} | {n})


def _rate(count: int, total: int) -> float:
    return round(count / total, 6) if total else 0.0
