"""Tables 2 and 3: evaluation runs beside the numbers that papers printed, intervals, and averages computed anew."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import wrap

from matplotlib import pyplot
from matplotlib.figure import Figure

from mmk12.evaluation.leaderboard import make_leaderboard
from mmk12.evaluation.result_tables import make_leaderboard_table
from mmk12.utils.tables import Table, flush_right, to_noted_table

_CHARACTER, _ROW = 0.078, 0.27
"""Inches that a character is wide and a row is high, at 9 points."""
_SMALL = 0.8
"""Size of the notes, as a part of that of the rows."""
_GAP = 2
"""Characters between columns."""


def table(runs: Sequence[Path]) -> Table:
    """A row per run and per published model; "±" is half the 95 % interval."""
    leaderboard = make_leaderboard(runs)
    short = {row.name: Path(row.name).name for row in leaderboard.runs}
    if len(set(short.values())) == len(short):
        named = tuple(row.model_copy(update={"name": short[row.name]}) for row in leaderboard.runs)
        leaderboard = leaderboard.model_copy(update={"runs": named})
    return make_leaderboard_table(leaderboard)


def notes(runs: Sequence[Path]) -> Sequence[str]:
    """Why published numbers are left out: they stand beside runs of their own protocol only."""
    return make_leaderboard(runs).notes


def figure(runs: Sequence[Path]) -> Figure:
    """The table as a picture: ours in bold above a line, the published below; who graded and printed, in notes."""
    shown, graders = to_noted_table(table(runs))
    remarks = [*graders, *notes(runs)]
    rows, right = [list(shown.header), *shown.texts()], flush_right(shown)
    widths = [max(len(row[column]) for row in rows) + _GAP for column in range(len(right))]
    ends = [sum(widths[: column + 1]) for column in range(len(widths))]
    below = [line for note in remarks for line in wrap(note, int(ends[-1] / _SMALL), subsequent_indent="    ")]
    height = len(rows) + 0.6 + _SMALL * len(below)
    fig, axes = pyplot.subplots(figsize=(_CHARACTER * ends[-1], _ROW * height))
    axes.set(xlim=(0, ends[-1]), ylim=(height - 1.2, -0.6))
    axes.set_axis_off()
    for number, row in enumerate(rows):
        for column, cell in enumerate(row):
            edge = ends[column] - _GAP if right[column] else ends[column] - widths[column]
            weight, side = "bold" if 0 < number <= len(runs) else "normal", "right" if right[column] else "left"
            axes.text(edge, number, cell, ha=side, va="center", weight=weight, parse_math=False)
    for number, line in enumerate(below):
        axes.text(0, len(rows) + _SMALL * number, line, va="center", size=9 * _SMALL, parse_math=False)
    for at, width in ((-0.5, 1.2), (0.5, 0.7), (len(runs) + 0.5, 0.4), (len(rows) - 0.5, 1.2)):
        axes.axhline(at, color="0.1", linewidth=width)
    return fig
