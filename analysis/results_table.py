"""Tables 2 and 3: evaluation runs beside the numbers that papers printed, intervals, and averages computed anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot
from matplotlib.figure import Figure

from mmk12 import tables
from mmk12.comparison.standings import standings
from mmk12.tables import Table

_CHARACTER, _ROW = 0.078, 0.27
"""Inches that a character is wide and a row is high, at 9 points."""


def table(runs: Sequence[Path]) -> Table:
    """A row per run and per published model; "±" is half the 95 % interval."""
    found = standings(runs)
    short = {row["name"]: Path(row["name"]).name for row in found["runs"]}
    if len(set(short.values())) == len(short):
        found["runs"] = [{**row, "name": short[row["name"]]} for row in found["runs"]]
    return tables.standings(found)


def figure(runs: Sequence[Path]) -> Figure:
    """The table as a picture: ours in bold above a line, the published below."""
    shown = table(runs)
    rows = [list(shown.header), *shown.texts()]
    widths = [max(len(row[column]) for row in rows) + 2 for column in range(len(shown.header))]
    ends = [sum(widths[: column + 1]) for column in range(len(widths))]
    drawn, axes = pyplot.subplots(figsize=(_CHARACTER * ends[-1], _ROW * (len(rows) + 0.6)))
    axes.set(xlim=(0, ends[-1]), ylim=(len(rows) - 0.4, -0.6))
    axes.set_axis_off()
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            left = column == 0 or column >= len(row) - 2
            edge = ends[column] - widths[column] if left else ends[column] - 2
            weight = "bold" if 0 < number <= len(runs) else "normal"
            axes.text(edge, number, cell, ha="left" if left else "right", va="center", weight=weight)
    for at, width in ((-0.5, 1.2), (0.5, 0.7), (len(runs) + 0.5, 0.4), (len(rows) - 0.5, 1.2)):
        axes.axhline(at, color="0.1", linewidth=width)
    return drawn
