"""Makes tables of results, comparisons and leaderboards, for the terminal and for files."""

from __future__ import annotations

from collections.abc import Mapping

from mmk12.evaluation.records import Accuracy, Comparison, Leaderboard, LeaderboardCell, PairedScore, Results
from mmk12.utils.tables import Table, format_points, format_points_interval


def make_evaluation_table(results: Results) -> Table:
    """Returns the contents of results.json: a row per benchmark, and below it one per number over several items."""
    header = ("benchmark", "n", "accuracy %", "95 % interval", "no answer %", "truncated %", "format %", "mean tokens")
    rows: list[tuple[object, ...]] = []
    for name, result in results.benchmarks.items():
        marks = "".join(f" ({mark})" for mark in ("partial", "limited") if getattr(result, mark))
        shares = (result.no_answer_rate, result.truncation_rate, result.format_rate)
        rates = [100 * share if result.measured else "–" for share in shares]
        tokens = "–" if result.mean_tokens is None else result.mean_tokens
        rows.append((name + marks, result.n, *_format_share(result.accuracy, result.ci95), *rates, tokens))
        for metric, score in result.metrics.items():
            rows.append((f"  {metric}", score.n, *_format_share(score.value, score.ci95), *("" for _ in range(4))))
    return Table(header, rows)


def _format_share(value: float | None, ci95: tuple[float, float] | None) -> tuple[float | str, str]:
    """Returns a fraction and its interval in percent, dashes where nothing was measured."""
    interval = "–" if ci95 is None else f"{100 * ci95[0]:.1f} – {100 * ci95[1]:.1f}"
    return "–" if value is None else 100 * value, interval


def make_comparison_table(comparison: Comparison) -> Table:
    """Returns the differences of two runs, one benchmark per row."""
    header = ("benchmark", "n", "A %", "B %", "B − A", "95 % interval", "p", "test", "gained", "lost")
    rows: list[tuple[object, ...]] = []
    for name, row in comparison.benchmarks.items():
        rows.append((name, *_paired_cells(row), f"{row.p_value:.2g}", row.test, len(row.gained), len(row.lost)))
        for metric, score in row.metrics.items():
            rows.append((f"  {metric}", *_paired_cells(score), f"{score.p_value:.2g}", "over problems", "–", "–"))
    return Table(header, rows)


def make_sub_score_table(groups: Mapping[str, Mapping[str, PairedScore]]) -> Table:
    """Returns the differences of two runs on one benchmark, one value of a tag per row."""
    rows = [
        (group, value, *_paired_cells(score)) for group, values in groups.items() for value, score in values.items()
    ]
    return Table(("sub-score", "value", "n", "A %", "B %", "B − A", "95 % interval"), rows)


def _paired_cells(score: PairedScore) -> tuple[object, ...]:
    difference = format_points(score.difference)
    return score.n, 100 * score.a, 100 * score.b, difference, format_points_interval(score.ci95)


def make_leaderboard_table(leaderboard: Leaderboard) -> Table:
    """Returns one run or published model per row; "±" is half the 95 % interval."""
    average = ("average",) if len(leaderboard.benchmarks) > 1 else ()
    everyone = (*leaderboard.runs, *leaderboard.published)
    metrics = tuple(dict.fromkeys(name for row in everyone for name in row.metrics))
    rows = []
    for row in everyone:
        cells = [_format_accuracy(row.accuracy.get(name)) for name in leaderboard.benchmarks]
        cells += [_format_accuracy(row.metrics.get(name)) for name in metrics]
        cells += [_format_accuracy(row.average) for _ in average]
        rows.append((row.name, *cells, row.protocol or "–", row.grader, row.source))
    header = ("run or published model", *leaderboard.benchmarks, *metrics, *average, "protocol", "graded by", "source")
    return Table(header, rows)


def _format_accuracy(cell: Accuracy | None) -> str:
    mark = f" ({cell.mark})" if isinstance(cell, LeaderboardCell) and cell.mark else ""
    if cell is None or cell.accuracy is None:
        return f"–{mark}"
    low, high = cell.ci95 or (0.0, 0.0)
    error = f" ± {50 * (high - low):.1f}" if cell.ci95 else ""
    return f"{100 * cell.accuracy:.1f}{error}{mark}"


def make_difference_table(leaderboard: Leaderboard) -> Table:
    """Returns the difference of each further run from the first, paired item by item."""
    rows = []
    for name, row in leaderboard.differences.items():
        cells = [row.get(benchmark) for benchmark in leaderboard.benchmarks]
        texts = [
            f"{format_points(cell.difference)} ({format_points_interval(cell.ci95)})" if cell else "–" for cell in cells
        ]
        rows.append((name, *texts))
    return Table((f"difference from {leaderboard.runs[0].name}", *leaderboard.benchmarks), rows)


def list_flips(comparison: Comparison, limit: int = 10) -> list[str]:
    """Returns the names of flipped items and of items that were left out: a line per benchmark and kind.

    At most `limit` names stand in a line.
    """
    lines = []
    for name, row in comparison.benchmarks.items():
        kinds = {
            "gained": row.gained,
            "lost": row.lost,
            "left out, only in A": row.only_a,
            "left out, only in B": row.only_b,
            "LEFT OUT, ASKED DIFFERENTLY (question, images or gold)": row.asked_differently,
        }
        for kind, items in kinds.items():
            more = f" and {len(items) - limit} more (--json or --out lists all)" if len(items) > limit else ""
            if items:
                lines.append(f"{name} {kind}: {', '.join(items[:limit])}{more}")
    return lines
