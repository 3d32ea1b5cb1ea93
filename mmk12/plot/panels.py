"""One panel of curves, drawn alike in every figure: raw faint, smoothed bold, seeds as a band."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmk12.errors import MissingData
from mmk12.plot.curves import Curve, curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LABELS = {
    "accuracy": "accuracy reward",
    "format": "format reward",
    "reward": "reward",
    "length": "response length (tokens)",
    "truncated": "truncated responses (share)",
    "no_answer": "responses without answer (share)",
    "all_right": "prompts, all right (share)",
    "all_wrong": "prompts, all wrong (share)",
    "entropy": "entropy (nats per token)",
    "clip_fraction": "clipped tokens (share)",
    "kl": "KL from the first model (nats per token)",
    "update_kl": "KL of an update (nats per token)",
    "gradient_norm": "gradient norm",
    "learning_rate": "learning rate",
    "seconds": "time per step (s)",
    "validation/accuracy": "held-out accuracy",
}
"""What an axis says of a column of the run log; of other columns it says the name."""

_STYLES = ("-", "--", "-.", ":")
_COLOURS = 7
_PER_ROW = 3


def panels(runs: Sequence[Path], metrics: Sequence[str], *, smoothed: bool = True) -> Figure:
    """A figure with a panel for each metric that some run logged. Raises `MissingData` when none did."""
    from matplotlib import pyplot

    found = {metric: curves(runs, metric) for metric in metrics}
    found = {metric: lines for metric, lines in found.items() if lines}
    if not found:
        raise MissingData(f"None of the runs logged {' or '.join(metrics)}. See `mmk12 list figures` for others.")
    columns = min(_PER_ROW, len(found))
    rows = -(-len(found) // columns)
    size = (3.6 * columns, 0.5 + 2.5 * rows)
    drawn, grid = pyplot.subplots(rows, columns, figsize=size, squeeze=False)
    order = list(dict.fromkeys(curve.name for lines in found.values() for curve in lines))
    for axes, (metric, lines) in zip(grid.flat, found.items(), strict=False):
        panel(axes, lines, LABELS.get(metric, metric), order, smoothed=smoothed)
    for axes in grid.flat[len(found) :]:
        axes.set_visible(False)
    legend(drawn, list(grid.flat[: len(found)]))
    return drawn


def panel(axes: Axes, lines: Sequence[Curve], label: str, order: Sequence[str], *, smoothed: bool = True) -> None:
    """Draws curves; `order` names all those of the figure, so that one has the same colour in each panel."""
    for curve in lines:
        number = order.index(curve.name)
        color, style = f"C{number % _COLOURS}", _STYLES[number % len(_STYLES)]
        raw = curve.raw()
        shown = curve.smoothed() if smoothed else raw
        if smoothed:
            axes.plot(raw.mean.index, raw.mean, color=color, alpha=0.3, linewidth=0.8)
        axes.plot(shown.mean.index, shown.mean, style, color=color, linewidth=1.7, label=curve.name)
        if len(curve.seeds) > 1:
            axes.fill_between(shown.mean.index, shown.low, shown.high, color=color, alpha=0.16, linewidth=0)
    _within(axes)
    steps(axes)
    axes.set_ylabel(label)


def _within(axes: Axes) -> None:
    """Scales by the lines: the interval of two seeds that lie apart would flatten them."""
    import numpy as np

    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.06 * (high - low) or 0.05 * (abs(high) or 1.0)
    axes.set_ylim(low - margin, high + margin)


def steps(axes: Axes) -> None:
    """Makes the horizontal axis one of whole training steps."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.margins(x=0.01)


def legend(drawn: Figure, shown: Sequence[Axes]) -> None:
    """One legend above all panels, an entry per name."""
    named = {name: handle for axes in shown for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    if named:
        columns = max(1, min(len(named), int(drawn.get_figwidth() * 14 / (4 + max(map(len, named))))))
        drawn.legend(named.values(), named.keys(), loc="outside upper center", ncols=columns)
