"""How many prompts of each step give a training signal: shares with all right, mixed, or all wrong rollouts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmk12.errors import MissingData
from mmk12.plotting.curves import FEWEST, Curve, explain, make_grid, read_curves, set_step_axis

_SHADES = {"all right": "#0072B2", "mixed": "#e9ecef", "all wrong": "#E69F00"}
"""Dark, pale, middle: distinct in greyscale too."""


def figure(runs: Sequence[Path]) -> Figure:
    """Draws stacked shares against the step, smoothed; one panel per experiment, the mean over its seeds."""
    right = {curve.name: curve for curve in read_curves(runs, "all_right")}
    wrong = {curve.name: curve for curve in read_curves(runs, "all_wrong")}
    names = [name for name in right if name in wrong]
    if not names:
        raise MissingData("None of the runs logged or dumped which prompts its rollouts answered right.")
    fig, panels = make_grid(len(names), (3.6, 2.6))
    for axes, name in zip(panels, names, strict=True):
        _draw_layers(axes, right[name], wrong[name])
        axes.set_title(name, loc="left")
        axes.set_ylabel("share of the step's prompts")
        axes.label_outer()
    handles, labels = panels[0].get_legend_handles_labels()
    fig.legend(handles, labels, loc="outside upper center", ncols=3)
    spans = sorted({curve.span for name in names for curve in (right[name], wrong[name])})
    how = [f"exponentially weighted means, span {span} points" for span in spans if span]
    how += [f"fewer than {FEWEST} points are not smoothed"] if 0 in spans else []
    how += ["means over seeds"] if any(len(right[name].seeds) > 1 for name in names) else []
    explain(fig, "; ".join(how))
    return fig


def _draw_layers(axes: Axes, right: Curve, wrong: Curve) -> None:
    top, bottom = right.smoothed().mean, wrong.smoothed().mean
    top, bottom = top.align(bottom, join="inner")
    layers = {"all right": top, "mixed": 1 - top - bottom, "all wrong": bottom}
    axes.stackplot(top.index, list(layers.values()), labels=list(layers), colors=[_SHADES[name] for name in layers])
    axes.set_ylim(0, 1)
    axes.grid(visible=False)
    set_step_axis(axes)
