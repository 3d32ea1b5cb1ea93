"""Figures 4 and 5 in numbers: how often responses reflect during training, and its relation to accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from mmk12.plotting.curves import explain, say_none, set_step_axis
from mmk12.run_report.reflection import KINDS, scan_run
from mmk12.run_report.reflection.reflection_page import relate_to_accuracy
from mmk12.utils.stats import clustered_means

_STYLES = ("-", "--", "-.", ":")


def figure(runs: Sequence[Path]) -> Figure:
    """Draws a row per run: the share of responses with each kind by step, and their difference in accuracy."""
    fig, grid = pyplot.subplots(len(runs), 2, figsize=(7.6, 0.4 + 2.7 * len(runs)), squeeze=False, width_ratios=(3, 2))
    for (left, right), run in zip(grid, runs, strict=True):
        table = scan_run(run)
        _draw_shares(left, table)
        _draw_differences(right, table)
        left.set_title(run.name, loc="left")
    handles, labels = grid[0][0].get_legend_handles_labels()
    if handles:
        fig.legend(handles, labels, loc="outside upper center", ncols=len(KINDS))
    explain(fig, "lines: shares in windows of steps; bands and bars: 95 % intervals over prompts")
    return fig


def _draw_shares(axes: Axes, table: pd.DataFrame) -> None:
    for number, kind in enumerate(KINDS):
        shares = clustered_means(table, kind, by="window", cluster="prompt")
        color = f"C{number}"
        if table[kind].any():  # if no response has the kind, the interval only reflects the number of prompts
            axes.fill_between(
                shares.index, shares["low"].clip(0, 1), shares["high"].clip(0, 1), color=color, alpha=0.15, linewidth=0
            )
        axes.plot(shares.index, shares["mean"], _STYLES[number], color=color, linewidth=1.6, label=kind)
    set_step_axis(axes)
    axes.set_ylim(bottom=0)
    if not table[list(KINDS)].to_numpy().any():
        say_none(axes, f"none in {len(table):,} responses")
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=None))
    axes.set_ylabel("responses")


def _draw_differences(axes: Axes, table: pd.DataFrame) -> None:
    """Draws accuracy with minus without each kind, within prompts; bars are 95 % intervals."""
    relations = relate_to_accuracy(table)
    if all(relation.within is None for relation in relations):
        say_none(axes, "no prompt has responses\nwith and without reflection")
        return
    for number, relation in enumerate(relations):
        if relation.within is not None:
            mean, (low, high) = relation.within.mean, (relation.within.interval.low, relation.within.interval.high)
            axes.errorbar(
                100 * mean,
                number,
                xerr=[[100 * (mean - low)], [100 * (high - mean)]],
                fmt="o",
                color=f"C{number}",
                capsize=3,
            )
    axes.axvline(0, color="0.4", linewidth=0.8)
    axes.set_yticks(range(len(KINDS)), KINDS)
    axes.set_ylim(len(KINDS) - 0.5, -0.5)
    axes.set_xlabel("right more often by (points),\nsame prompt, with − without")
    axes.grid(axis="y", visible=False)
