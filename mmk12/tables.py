"""Results as tables for a terminal: rows of text and numbers; printing them is the command line's affair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from rich.table import Table as RichTable

    from mmk12.data import Build, Plan


class Table(NamedTuple):
    """Column names and rows; a column of numbers is set flush right."""

    header: tuple[str, ...]
    rows: list[tuple[Any, ...]]

    def drawn(self) -> RichTable:
        """The table as rich draws it. Cells are text: nothing in them is read as markup."""
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable(box=box.SIMPLE_HEAD)
        for number, name in enumerate(self.header):
            texts = any(isinstance(row[number], str) for row in self.rows)
            table.add_column(name, justify="left" if texts else "right", overflow="fold")
        for row in self.rows:
            table.add_row(*(Text(f"{cell:.1f}" if isinstance(cell, float) else str(cell)) for cell in row))
        return table


def evaluation(results: Mapping[str, Any]) -> Table:
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


def comparison(found: Mapping[str, Any]) -> Table:
    """The differences of two runs, a benchmark a row."""
    header = ("benchmark", "n", "A %", "B %", "B − A", "95 % interval", "p (McNemar)", "gained", "lost")
    rows = []
    for name, row in found.items():
        low, high = row["ci95"]
        difference, interval = f"{100 * row['difference']:+.1f}", f"{100 * low:+.1f} to {100 * high:+.1f}"
        counts = (len(row["gained"]), len(row["lost"]))
        rows.append(
            (name, row["n"], 100 * row["a"], 100 * row["b"], difference, interval, f"{row['p_value']:.2g}", *counts)
        )
    return Table(header, rows)


def flips(found: Mapping[str, Any], shown: int = 10) -> list[str]:
    """The items that only one of two runs answers right, a line per benchmark and direction."""
    lines = []
    for name, row in found.items():
        for what in ("gained", "lost"):
            items = row[what]
            more = f" and {len(items) - shown} more (--json lists all)" if len(items) > shown else ""
            if items:
                lines.append(f"{name} {what}: {', '.join(items[:shown])}{more}")
    return lines


def funnel(build: Build) -> Table:
    """What each stage left of each source."""
    steps = list(next(iter(build.funnel.values()), {}))
    rows = [(name, *counts.values()) for name, counts in build.funnel.items()]
    if len(rows) > 1:
        rows.append(("all", *(sum(counts[step] for counts in build.funnel.values()) for step in steps)))
    return Table(("source", *steps), rows)


def plan(planned: Plan) -> Table:
    """The sources of a recipe: how many rows are wanted, under which licence, and where they lie or what is missing."""
    rows = []
    for one in planned.sources:
        wanted = "all" if one.cap is None else str(one.cap)
        rows.append((one.name, wanted, one.source.licence, f"MISSING: {one.missing}" if one.missing else one.where))
    return Table(("source", "rows", "licence", "read from"), rows)


def catalogue(rows: Sequence[Mapping[str, Any]]) -> Table:
    """What `mmk12 list` shows."""
    return Table(tuple(rows[0]) if rows else (), [tuple(row.values()) for row in rows])


def gold_types(rows: Sequence[Mapping[str, Any]]) -> Table:
    """How many golds of each type there are, and how many of them can be used."""
    counts: dict[str, list[int]] = {}
    for row in rows:
        count = counts.setdefault(row["type"], [0, 0])
        count[0] += 1
        count[1] += row["usable"]
    found = [(name, *count) for name, count in sorted(counts.items())]
    return Table(("type", "golds", "usable"), [*found, ("all", len(rows), sum(row["usable"] for row in rows))])
