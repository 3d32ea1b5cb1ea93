"""Whether longer responses are right more often: lengths of right and wrong ones, and accuracy by length."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmk12.errors import MissingData
from mmk12.plotting.curves import FEWEST, explain, set_step_axis, smooth, smoothing_span
from mmk12.runlog import read_responses
from mmk12.utils.stats import clustered_means

_KINDS = ((1.0, "right", "C0", "-"), (0.0, "wrong", "C1", "--"))
_PARTS = ("first third", "last third")
_BINS = 8


def figure(runs: Sequence[Path]) -> Figure:
    """Draws a row per run: mean length of right and wrong responses by step, and accuracy by length, early and late."""
    fig, grid = pyplot.subplots(len(runs), 2, figsize=(7.2, 0.4 + 2.6 * len(runs)), squeeze=False)
    for (left, right), run in zip(grid, runs, strict=True):
        table = read_responses(run / "rollouts").table
        if not {"prompt", "acc", "length"} <= set(table.columns):
            raise MissingData(f"{run} has no dumped rollouts with accuracy and length (rollouts/*.jsonl).")
        _draw_lengths(left, table)
        _draw_accuracies(right, table)
        left.set_title(run.name, loc="left")
    explain(
        fig,
        f"left: mean of each dumped step (dots; from {FEWEST} steps on faint, the bold line is smoothed); "
        f"right: eight classes of equal size, bars: 95 % interval over prompts",
    )
    return fig


def _draw_lengths(axes: Axes, table: pd.DataFrame) -> None:
    for value, name, color, style in _KINDS:
        some = table[table["acc"] == value]
        if some.empty:
            continue
        lengths = clustered_means(some, "length", by="step", cluster="prompt", share=False)
        span = smoothing_span(len(lengths))
        if span:
            axes.plot(lengths.index, lengths["mean"], color=color, alpha=0.3, linewidth=0.8)
            axes.plot(lengths.index, smooth(lengths["mean"], span), style, color=color, linewidth=1.7, label=name)
        else:
            axes.plot(lengths.index, lengths["mean"], f"o{style}", color=color, linewidth=0.9, markersize=4, label=name)
    set_step_axis(axes)
    axes.set_ylabel("response length (tokens)")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)


def _draw_accuracies(axes: Axes, table: pd.DataFrame) -> None:
    """Draws accuracy in eight equally large classes, at their mean length; bars are 95 % intervals over prompts."""
    first, last = table["step"].min(), table["step"].max()
    third = (last - first + 1) / 3
    parts = (table[table["step"] < first + third], table[table["step"] > last - third])
    for part, name, style, color in zip(parts, _PARTS, ("o:", "s-"), ("C2", "C3"), strict=True):
        ranked = part.assign(bin=pd.qcut(part["length"], _BINS, labels=False, duplicates="drop"))
        accuracy = clustered_means(ranked, "acc", by="bin", cluster="prompt")
        length = ranked.groupby("bin")["length"].mean()
        error = (accuracy["mean"] - accuracy["low"].clip(0), accuracy["high"].clip(upper=1) - accuracy["mean"])
        axes.errorbar(length, accuracy["mean"], error, fmt=style, color=color, markersize=3.5, capsize=2, label=name)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("response length (tokens)")
    axes.set_ylabel("accuracy")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
