"""Writes a comparison to a file to keep or to send: Markdown, one HTML page, or tidy CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mmk12.errors import BadInput
from mmk12.evaluation.compare_items import ComparedItems, collect_items
from mmk12.evaluation.records import Accuracy, BenchmarkComparison, Comparison, Leaderboard, PairedScore
from mmk12.evaluation.result_tables import (
    make_comparison_table,
    make_difference_table,
    make_leaderboard_table,
    make_sub_score_table,
)
from mmk12.utils import storage, templating
from mmk12.utils.html import script_safe, set_texts
from mmk12.utils.tables import Table

_PAIR_NOTE = (
    "A and B are compared on the items that both were asked alike and answered. Intervals are 95 %: Agresti and Min "
    "for independent items, Student's t over problems where items share one or are means of several rollouts. The test "
    "is McNemar's, exact, or that t. Sub-scores are many comparisons: one in twenty intervals misses zero by chance."
)
_LEADERBOARD_NOTE = (
    "Accuracies in percent, ± half the 95 % interval; averages are computed from the numbers shown, published ones "
    "too. Published numbers rest on the graders named; they stand only beside runs of the whole benchmark. "
    "Differences are paired, item by item."
)

CsvRow = Mapping[str, str | float | None]


class Bar(NamedTuple):
    """A difference with its interval on the scale of its section, from 0 to 1; 0.5 is no difference."""

    low: float
    at: float
    high: float


@dataclass(frozen=True, slots=True)
class Section:
    """A table under its title, with a bar per row or none at all, and the items that a row is about, or none at all.

    A section that lists items is for formats without a viewer: the page shows the items themselves.
    """

    title: str
    table: Table
    bars: Sequence[Bar] = ()
    filters: Sequence[Mapping[str, str]] = ()
    lists_items: bool = False


def write_pair_report(path: Path, runs: tuple[Path, Path], comparison: Comparison, cautions: Sequence[str]) -> None:
    """Writes the comparison of two runs.

    Args:
        path: The file; its suffix .md, .html or .csv decides the format. The page shows every item that was compared.
        runs: The folders of run a and run b.
        comparison: What `compare` returned.
        cautions: What `list_cautions` returned.

    Raises:
        BadInput: `path` has another suffix.
    """
    rows = [score for row in comparison.benchmarks.values() for score in (row, *row.metrics.values())]
    names = [name for name, row in comparison.benchmarks.items() for _ in (row, *row.metrics.values())]
    filters = [{"benchmark": name} for name in names]
    sections = [Section("", make_comparison_table(comparison), _make_bars(rows), filters)]
    for name, row in comparison.benchmarks.items():
        if row.groups:
            sections.append(_make_sub_score_section(name, row))
        for kind, items in (("gained", row.gained), ("lost", row.lost)):
            flips = [(item, row.answers[item]) for item in items]
            answers = [(item, flip.gold or "–", flip.a or "–", flip.b or "–") for item, flip in flips]
            if answers:
                table = Table(("item", "gold", "A says", "B says"), answers)
                sections.append(Section(f"{name}, {kind}", table, lists_items=True))
        reasons = (("only a", row.only_a), ("only b", row.only_b), ("asked differently", row.asked_differently))
        left_out = [(item, why) for why, items in reasons for item in items]
        if left_out:
            sections.append(Section(f"{name}, left out", Table(("item", "why"), left_out)))
    title = f"{runs[1]} (B) against {runs[0]} (A)"
    _write(path, title, sections, _PAIR_NOTE, cautions, list(_pair_rows(comparison)), runs)


def _make_sub_score_section(name: str, row: BenchmarkComparison) -> Section:
    """Returns the sub-scores of a benchmark, in each group those that differ most first."""
    groups = {
        group: dict(sorted(values.items(), key=lambda one: -abs(one[1].difference)))
        for group, values in row.groups.items()
    }
    scores = [score for values in groups.values() for score in values.values()]
    filters = [{"benchmark": name, f"group.{group}": value} for group, values in groups.items() for value in values]
    return Section(f"{name}, sub-scores", make_sub_score_table(groups), _make_bars(scores), filters)


def write_leaderboard(path: Path, leaderboard: Leaderboard, runs: Sequence[Path]) -> None:
    """Writes the table of several runs.

    Args:
        path: The file; its suffix .md, .html or .csv decides the format. The page of two or more runs also shows every
            item that all of them answered.
        leaderboard: What `make_leaderboard` returned.
        runs: The folders of the runs.

    Raises:
        BadInput: `path` has another suffix.
    """
    sections = [Section("", make_leaderboard_table(leaderboard))]
    if leaderboard.differences:
        sections.append(Section("Differences", make_difference_table(leaderboard)))
    rows = list(_leaderboard_rows(leaderboard))
    _write(path, "Runs and published numbers", sections, _LEADERBOARD_NOTE, leaderboard.notes, rows, runs)


def check_suffix(path: Path) -> None:
    """Raises `BadInput` if a comparison cannot be written to a file of this name: before the work, not after it."""
    if path.suffix not in (".md", ".html", ".csv"):
        raise BadInput(f"A comparison is written as .md, .html or .csv, not {path.name}. Give --out such a name.")


def _write(
    path: Path,
    title: str,
    sections: Sequence[Section],
    note: str,
    cautions: Sequence[str],
    csv_rows: Sequence[CsvRow],
    runs: Sequence[Path],
) -> None:
    check_suffix(path)
    facts = {"title": title, "sections": sections, "note": note, "cautions": cautions}
    if path.suffix == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, list(csv_rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(csv_rows)
        storage.write_text(path, text.getvalue())
    elif path.suffix == ".md":
        storage.write_text(path, templating.render_template("compare.md.j2", **facts))
    else:
        storage.write_text(path, templating.render_template("compare.html.j2", **facts, **_collect_page(runs, path)))


def _collect_page(runs: Sequence[Path], page: Path) -> dict[str, Any]:
    """Returns what the page shows of items; without entries for a single run."""
    items = collect_items(runs, page) if len(runs) > 1 else ComparedItems([], {}, ())
    return {
        "entries": items.entries,
        "cells": {name: items.count_cells(name) for name in items.groups},
        "data": script_safe({"items": items.entries, "groups": items.groups}),
        "script": templating.render_template("page.js"),
        "texts": set_texts(items.entries),
        "pictures": items.pictures(),
    }


def _make_bars(scores: Iterable[PairedScore]) -> list[Bar]:
    """Returns a bar per difference, all on one scale that is wide enough for all their intervals."""
    rows = [(score.ci95[0], score.difference, score.ci95[1]) for score in scores]
    reach = max((abs(limit) for row in rows for limit in row), default=0.0) or 1.0
    return [Bar(*(0.5 + value / (2 * reach) for value in row)) for row in rows]


def _pair_rows(comparison: Comparison) -> Iterator[CsvRow]:
    for name, row in comparison.benchmarks.items():
        yield _make_csv_row(name, "", "", row, row.p_value)
        for metric, number in row.metrics.items():
            yield _make_csv_row(name, "metric", metric, number, number.p_value)
        for group, values in row.groups.items():
            for value, score in values.items():
                yield _make_csv_row(name, group, value, score, None)


def _make_csv_row(benchmark: str, group: str, value: str, score: PairedScore, p_value: float | None) -> CsvRow:
    return {
        "benchmark": benchmark,
        "group": group,
        "value": value,
        "n": score.n,
        "a": score.a,
        "b": score.b,
        "difference": score.difference,
        "low": score.ci95[0],
        "high": score.ci95[1],
        "p_value": p_value,
    }


def _leaderboard_rows(leaderboard: Leaderboard) -> Iterator[CsvRow]:
    for row in (*leaderboard.runs, *leaderboard.published):
        about = {"name": row.name, "model": row.model, "source": row.source, "grader": row.grader}
        average = {"average": row.average} if row.average else {}
        cells: dict[str, Accuracy] = {**row.accuracy, **row.metrics, **average}
        for benchmark, cell in cells.items():
            low, high = cell.ci95 or (None, None)
            yield {**about, "benchmark": benchmark, "accuracy": cell.accuracy, "low": low, "high": high}
