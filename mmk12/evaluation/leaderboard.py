"""Several runs in one table with the numbers that papers printed, and averages that are computed, not copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmk12.errors import BadInput
from mmk12.evaluation.compare import compare
from mmk12.evaluation.run_folder import EvalRun
from mmk12.utils import stats
from mmk12.utils.storage import read_json


def make_leaderboard(folders: Sequence[Path]) -> dict[str, Any]:
    """{benchmarks, runs, published, differences} of these runs, accuracies as fractions.

    A row of `runs` and `published` is {name, model, source, grader, accuracy: {benchmark: {accuracy, ci95, mark}},
    average}; the average needs every benchmark of the table. `differences` sets each further run against the first:
    {name: {benchmark: {difference, ci95, p_value}}}. Printed numbers appear in a benchmark's column only if all runs
    evaluated all of it: a number of some items is no neighbour for one of all.
    """
    results = {str(folder): read_json(folder / "results.json") for folder in folders}
    settings = {str(folder): EvalRun(folder).settings() for folder in folders}
    benchmarks = list(dict.fromkeys(name for found in results.values() for name in found))
    whole = [name for name in benchmarks if not any(_mark(found[name]) for found in results.values() if name in found)]
    runs = [
        _row(
            name,
            settings[name]["model"],
            _measure(found),
            benchmarks,
            source="this run",
            grader=f"rules, {settings[name]['profile']}",
        )
        for name, found in results.items()
    ]
    return {
        "benchmarks": benchmarks,
        "runs": runs,
        "published": _published_rows(settings.values(), whole, benchmarks),
        "differences": {str(folder): _compare_with_first(folders[0], folder) for folder in folders[1:]},
    }


def _mark(result: Mapping[str, Any]) -> str:
    return next((mark for mark in ("partial", "limited") if result[mark]), "")


def _measure(results: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        name: {"accuracy": result["accuracy"], "ci95": result["ci95"], "mark": _mark(result)}
        for name, result in results.items()
    }


def _row(
    name: str,
    model: str,
    accuracy: Mapping[str, Mapping[str, Any]],
    benchmarks: Sequence[str],
    *,
    source: str,
    grader: str,
) -> dict[str, Any]:
    about = {"name": name, "model": model, "source": source, "grader": grader}
    return {**about, "accuracy": accuracy, "average": _average(accuracy, benchmarks)}


def _average(accuracy: Mapping[str, Mapping[str, Any]], benchmarks: Sequence[str]) -> dict[str, Any] | None:
    if len(benchmarks) < 2 or any(name not in accuracy for name in benchmarks):
        return None
    cells = [accuracy[name] for name in benchmarks]
    parts = [(cell["accuracy"], stats.Interval(*(cell["ci95"] or (cell["accuracy"],) * 2))) for cell in cells]
    mean, interval = stats.combine_means(parts)
    known = all(cell["ci95"] for cell in cells)
    return {"accuracy": round(mean, 6), "ci95": [round(interval.low, 6), round(interval.high, 6)] if known else None}


def _published_rows(settings: Any, whole: Sequence[str], benchmarks: Sequence[str]) -> list[dict[str, Any]]:
    """The printed numbers that the runs know of, a row per model and paper."""
    found: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for name in whole:
        declared = next(one["benchmarks"][name] for one in settings if name in one["benchmarks"])
        for number in declared["published"]:
            found.setdefault((number["model"], number["source"]), {})[name] = number
    return [
        _row(
            model,
            model,
            {
                name: {"accuracy": round(number["accuracy"] / 100, 6), "ci95": None, "mark": ""}
                for name, number in numbers.items()
            },
            benchmarks,
            source=source,
            grader="; ".join(dict.fromkeys(number["grader"] for number in numbers.values())),
        )
        for (model, source), numbers in found.items()
    ]


def _compare_with_first(first: Path, other: Path) -> dict[str, Any]:
    try:
        found = compare(first, other)
    except BadInput:  # nothing in common: the table still holds both
        return {}
    return {name: {key: row[key] for key in ("n", "difference", "ci95", "p_value")} for name, row in found.items()}
