"""Tables of evaluations and comparisons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmk12.utils.tables import Table, format_points, format_points_interval


def make_evaluation_table(results: Mapping[str, Any]) -> Table:
    """results.json, a benchmark a row."""
    header = ("benchmark", "n", "accuracy %", "95 % interval", "no answer %", "truncated %", "format %", "mean tokens")
    rows = []
    for name, row in results.items():
        marks = "".join(f" ({mark})" for mark in ("partial", "limited") if row[mark])
        low, high = row["ci95"]
        rates = [100 * row[rate] for rate in ("no_answer_rate", "truncation_rate", "format_rate")]
        tokens = "–" if row["mean_tokens"] is None else row["mean_tokens"]
        interval = f"{100 * low:.1f} – {100 * high:.1f}"
        rows.append((name + marks, row["n"], 100 * row["accuracy"], interval, *rates, tokens))
    return Table(header, rows)


def make_comparison_table(found: Mapping[str, Any]) -> Table:
    """The differences of two runs, a benchmark a row."""
    header = ("benchmark", "n", "A %", "B %", "B − A", "95 % interval", "p", "test", "gained", "lost")
    rows = []
    for name, row in found.items():
        counts = (len(row["gained"]), len(row["lost"]))
        rows.append((name, *_paired_cells(row), f"{row['p_value']:.2g}", row["test"], *counts))
    return Table(header, rows)


def make_sub_score_table(groups: Mapping[str, Mapping[str, Any]]) -> Table:
    """The differences of two runs by sub-score."""
    rows = [
        (group, value, *_paired_cells(score)) for group, values in groups.items() for value, score in values.items()
    ]
    return Table(("sub-score", "value", "n", "A %", "B %", "B − A", "95 % interval"), rows)


def _paired_cells(row: Mapping[str, Any]) -> tuple[int, float, float, str, str]:
    return (
        row["n"],
        100 * row["a"],
        100 * row["b"],
        format_points(row["difference"]),
        format_points_interval(row["ci95"]),
    )


def make_leaderboard_table(found: Mapping[str, Any]) -> Table:
    """Several runs and printed numbers, one a row; "±" is half the 95 % interval."""
    benchmarks = found["benchmarks"]
    average = ("average",) if len(benchmarks) > 1 else ()
    rows = []
    for row in [*found["runs"], *found["published"]]:
        cells = [_accuracy_cell(row["accuracy"].get(name)) for name in benchmarks]
        rows.append(
            (row["name"], *cells, *(_accuracy_cell(row["average"]) for _ in average), row["grader"], row["source"])
        )
    return Table(("run or published model", *benchmarks, *average, "graded by", "source"), rows)


def _accuracy_cell(number: Mapping[str, Any] | None) -> str:
    if number is None:
        return "–"
    low, high = number["ci95"] or (0.0, 0.0)
    known = f" ± {50 * (high - low):.1f}" if number["ci95"] else ""
    mark = f" ({number['mark']})" if number.get("mark") else ""
    return f"{100 * number['accuracy']:.1f}{known}{mark}"


def make_difference_table(found: Mapping[str, Any]) -> Table:
    """Each further run against the first, paired item by item."""
    rows = []
    for name, row in found["differences"].items():
        cells = [row.get(benchmark) for benchmark in found["benchmarks"]]
        rows.append(
            (
                name,
                *(
                    f"{format_points(cell['difference'])} ({format_points_interval(cell['ci95'])})" if cell else "–"
                    for cell in cells
                ),
            )
        )
    return Table((f"difference from {found['runs'][0]['name']}", *found["benchmarks"]), rows)


def list_flips(found: Mapping[str, Any], shown: int = 10) -> list[str]:
    """The items that only one of two runs answers right, and those left out: a line per benchmark and kind."""
    kinds = {
        "gained": "gained",
        "lost": "lost",
        "only_a": "left out, only in A",
        "only_b": "left out, only in B",
        "asked_differently": "LEFT OUT, ASKED DIFFERENTLY (question, pictures or gold)",
    }
    lines = []
    for name, row in found.items():
        for kind, words in kinds.items():
            items = row[kind]
            more = f" and {len(items) - shown} more (--json or --out lists all)" if len(items) > shown else ""
            if items:
                lines.append(f"{name} {words}: {', '.join(items[:shown])}{more}")
    return lines
