"""Puts several runs into one table with the numbers that papers printed; averages are computed, not copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from mmk12.datasets.declarations import PublishedResult
from mmk12.errors import BadInput
from mmk12.evaluation.compare import compare
from mmk12.evaluation.protocol import UNKNOWN, describe_difference
from mmk12.evaluation.records import (
    Accuracy,
    Leaderboard,
    LeaderboardCell,
    LeaderboardRow,
    PairedDifference,
    Results,
    RunSettings,
)
from mmk12.evaluation.run_folder import EvalRun
from mmk12.utils import stats


def make_leaderboard(folders: Sequence[Path]) -> Leaderboard:
    """Returns the table of these runs, accuracies as fractions; a folder that is named twice is one run.

    An average needs every benchmark of the table. Published numbers appear in a benchmark's column only if all runs
    that have the benchmark evaluated all of it, by the protocol of the number: one on some items, or asked otherwise,
    cannot be compared.

    Args:
        folders: Evaluation runs; the others are set against the first, item by item.

    Raises:
        MissingData: A folder is no evaluation run, or the run has not finished.
        BadInput: A file was damaged.
    """
    results = {str(folder): EvalRun(folder).results() for folder in folders}
    settings = {str(folder): EvalRun(folder).settings() for folder in folders}
    benchmarks = tuple(dict.fromkeys(name for result in results.values() for name in result.benchmarks))
    limited = {name for result in results.values() for name, one in result.benchmarks.items() if one.mark}
    comparable, notes = _find_comparable(settings, [name for name in benchmarks if name not in limited])
    runs = tuple(
        LeaderboardRow(
            name=name,
            model=settings[name].model,
            protocol=settings[name].protocol,
            source="this run",
            grader=f"rules, {settings[name].profile}",
            accuracy=(cells := _make_cells(result)),
            metrics=_make_metric_cells(result),
            average=_average(cells, benchmarks),
        )
        for name, result in results.items()
    )
    return Leaderboard(
        benchmarks=benchmarks,
        runs=runs,
        published=_make_published_rows(comparable, benchmarks),
        differences={str(folder): _compare_with_first(folders[0], folder) for folder in folders[1:]},
        notes=tuple(notes),
    )


def _make_cells(results: Results) -> dict[str, LeaderboardCell]:
    return {
        name: LeaderboardCell(accuracy=result.accuracy, ci95=result.ci95, mark=result.mark)
        for name, result in results.benchmarks.items()
    }


def _make_metric_cells(results: Results) -> dict[str, LeaderboardCell]:
    return {
        f"{name}: {metric}": LeaderboardCell(accuracy=score.value, ci95=score.ci95, mark=result.mark)
        for name, result in results.benchmarks.items()
        for metric, score in result.metrics.items()
    }


def _average(accuracy: Mapping[str, LeaderboardCell], benchmarks: Sequence[str]) -> Accuracy | None:
    if len(benchmarks) < 2 or any(name not in accuracy for name in benchmarks):
        return None
    cells = [accuracy[name] for name in benchmarks]
    values = [cell.accuracy for cell in cells if cell.accuracy is not None]
    if len(values) < len(cells):
        return None
    limits = [stats.Interval(*(cell.ci95 or (value,) * 2)) for cell, value in zip(cells, values, strict=True)]
    mean, interval = stats.combine_means(list(zip(values, limits, strict=True)))
    known = all(cell.ci95 for cell in cells)
    return Accuracy(accuracy=round(mean, 6), ci95=(round(interval.low, 6), round(interval.high, 6)) if known else None)


Numbers = Mapping[str, Sequence[PublishedResult]]
"""Published numbers by benchmark."""


def _find_comparable(
    settings: Mapping[str, RunSettings], complete: Sequence[str]
) -> tuple[dict[str, list[PublishedResult]], list[str]]:
    """Returns the published numbers whose protocol is that of every run, and notes on those that are left out.

    `complete` names the benchmarks of which all runs have all items.
    """
    comparable, notes = dict[str, list[PublishedResult]](), list[str]()
    for name in complete:
        runs = {folder: one for folder, one in settings.items() if name in one.benchmarks}
        for number in next(iter(runs.values())).benchmarks[name].published:
            why = next(((folder, text) for folder, one in runs.items() if (text := _describe(number, one))), None)
            if why is None:
                comparable.setdefault(name, []).append(number)
            else:
                notes.append(f"published numbers of {name} are left out: {why[0]} has another protocol ({why[1]})")
    return comparable, list(dict.fromkeys(notes))


def _describe(number: PublishedResult, settings: RunSettings) -> str:
    text = describe_difference(number, settings)
    return "" if text == UNKNOWN else text


def _make_published_rows(comparable: Numbers, benchmarks: Sequence[str]) -> tuple[LeaderboardRow, ...]:
    """Returns a row per published model and paper; `benchmarks` are those of the table."""
    rows: dict[tuple[str, str], list[tuple[str, PublishedResult]]] = {}
    for name, numbers in comparable.items():
        for number in numbers:
            rows.setdefault((number.model, number.source), []).append((name, number))
    return tuple(
        LeaderboardRow(
            name=model,
            model=model,
            protocol=", ".join(dict.fromkeys(number.protocol for _, number in numbers if number.protocol)),
            source=source,
            grader="; ".join(dict.fromkeys(number.grader for _, number in numbers)),
            accuracy=(cells := {name: _make_cell(number) for name, number in numbers if not number.metric}),
            metrics={f"{name}: {number.metric}": _make_cell(number) for name, number in numbers if number.metric},
            average=_average(cells, benchmarks),
        )
        for (model, source), numbers in rows.items()
    )


def _make_cell(number: PublishedResult) -> LeaderboardCell:
    return LeaderboardCell(accuracy=round(number.accuracy / 100, 6), ci95=None)


def _compare_with_first(first: Path, other: Path) -> dict[str, PairedDifference]:
    try:
        comparison = compare(first, other)
    except BadInput:  # nothing in common: the table still holds both
        return {}
    return {
        name: PairedDifference(n=row.n, difference=row.difference, ci95=row.ci95, p_value=row.p_value)
        for name, row in comparison.benchmarks.items()
    }
