"""How the difficulty of the prompts changes in training: shares of pass rates from never to always right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmk12.errors import MissingData
from mmk12.plotting.curves import FEWEST, explain, make_grid, set_step_axis, smooth, smoothing_span
from mmk12.runlog import read_responses

_CLASSES = ("never", "up to ¼", "up to ½", "up to ¾", "more", "always")
_EDGES = (-1.0, 0.0, 0.25, 0.5, 0.75, 1.0 - 1e-9, 1.0)
_SHADES = ("#2b2b33", "#5b4a72", "#a0607f", "#dc8a68", "#f3c27a", "#fcf0c4")
"""From dark (nothing right) to bright, in order in greyscale too."""


def figure(runs: Sequence[Path]) -> Figure:
    """Draws stacked shares of the step's prompts by pass rate, smoothed; one panel per run."""
    fig, panels = make_grid(len(runs), (4.4, 2.9))
    for axes, run in zip(panels, runs, strict=True):
        _draw_layers(axes, _pass_rate_shares(run))
        axes.set_title(run.name, loc="left")
        axes.set_ylabel("share of the step's prompts")
        axes.label_outer()
    handles, labels = panels[0].get_legend_handles_labels()
    fig.legend(handles[::-1], labels[::-1], loc="outside right center", title="rollouts right")
    explain(fig, f"ticks at the top: steps with dumped rollouts; smoothed from {FEWEST} of them on")
    return fig


def _pass_rate_shares(run: Path) -> pd.DataFrame:
    """Computes the share of each class of pass rates (columns) in each step (rows)."""
    table = read_responses(run / "rollouts").table
    if not {"prompt", "acc"} <= set(table.columns):
        raise MissingData(f"{run} has no dumped rollouts with prompts and accuracy (rollouts/*.jsonl).")
    rates = table.groupby(["step", "prompt"])["acc"].mean().reset_index()
    rates["class"] = pd.cut(rates["acc"], list(_EDGES), labels=list(_CLASSES))
    return pd.crosstab(rates["step"], rates["class"], normalize="index").reindex(columns=list(_CLASSES), fill_value=0.0)


def _draw_layers(axes: Axes, shares: pd.DataFrame) -> None:
    span = smoothing_span(len(shares))
    layers = [smooth(shares[name], span) for name in _CLASSES]
    axes.stackplot(shares.index, layers, labels=_CLASSES, colors=_SHADES)
    axes.plot(shares.index, [1.0] * len(shares), "|", color="0.2", markersize=5, clip_on=False)
    axes.set_ylim(0, 1)
    axes.grid(visible=False)
    set_step_axis(axes)
