"""How the difficulty of the prompts drifts in training: shares of pass rates from never to always right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmk12.errors import MissingData
from mmk12.plotting.curves import smooth, step_axis, step_range
from mmk12.runlog import read_responses

_CLASSES = ("never", "up to ¼", "up to ½", "up to ¾", "more", "always")
_EDGES = (-1.0, 0.0, 0.25, 0.5, 0.75, 1.0 - 1e-9, 1.0)
_SHADES = ("#2b2b33", "#5b4a72", "#a0607f", "#dc8a68", "#f3c27a", "#fcf0c4")
"""Dark where nothing was right, ever brighter: in order in grey too."""


def figure(runs: Sequence[Path]) -> Figure:
    """Stacked shares of the step's prompts by pass rate, smoothed; one panel per run."""
    drawn, grid = pyplot.subplots(1, len(runs), figsize=(4.4 * len(runs), 2.9), squeeze=False, sharey=True)
    for axes, run in zip(grid[0], runs, strict=True):
        _stack(axes, _shares(run))
        axes.set_title(run.name, loc="left")
    grid[0][0].set_ylabel("share of the step's prompts")
    handles, labels = grid[0][-1].get_legend_handles_labels()
    drawn.legend(handles[::-1], labels[::-1], loc="outside right center", title="rollouts right")
    return drawn


def _shares(run: Path) -> pd.DataFrame:
    """A row per step, a column per class of pass rates."""
    table = read_responses(run / "rollouts").table
    if not {"prompt", "acc"} <= set(table.columns):
        raise MissingData(f"{run} has no dumped rollouts with prompts and accuracy (rollouts/*.jsonl).")
    rates = table.groupby(["step", "prompt"])["acc"].mean().reset_index()
    rates["class"] = pd.cut(rates["acc"], list(_EDGES), labels=list(_CLASSES))
    return pd.crosstab(rates["step"], rates["class"], normalize="index").reindex(columns=list(_CLASSES), fill_value=0.0)


def _stack(axes: Axes, shares: pd.DataFrame) -> None:
    reach = step_range(len(shares))
    layers = [smooth(shares[name], reach) for name in _CLASSES]
    axes.stackplot(shares.index, layers, labels=_CLASSES, colors=_SHADES)
    axes.set_ylim(0, 1)
    axes.grid(visible=False)
    step_axis(axes)
