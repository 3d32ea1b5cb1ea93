"""Curves over training: runs gathered into experiments, smoothing, and several seeds as a mean with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mmk12.errors import MissingData
from mmk12.runlog import read_run
from mmk12.utils.stats import LEVEL

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class ConfidenceBand(NamedTuple):
    """A mean and its 95 % interval, indexed by step. Where there is one seed, all three are the same."""

    mean: pd.Series
    low: pd.Series
    high: pd.Series


class Curve(NamedTuple):
    """One metric of one experiment: a series for each of its seeds, indexed by step."""

    label: str
    seeds: tuple[pd.Series, ...]

    @property
    def name(self) -> str:
        """What a legend calls it."""
        return f"{self.label} ({len(self.seeds)} seeds)" if len(self.seeds) > 1 else self.label

    def raw(self) -> ConfidenceBand:
        """The curve as it was logged."""
        return _band(self.seeds)

    def smoothed(self) -> ConfidenceBand:
        """The curve of the smoothed seeds: the interval is that of the line it lies around, not of single steps."""
        length = max(len(series) for series in self.seeds)
        return _band([smooth(series, step_range(length)) for series in self.seeds])


def read_curves(paths: Sequence[Path], metric: str) -> list[Curve]:
    """The experiments that logged `metric`, in the order given. Runs `NAME-seed0`, `NAME-seed1`, … are one."""
    found: dict[str, list[pd.Series]] = {}
    for label, path in group_by_experiment(paths):
        table = read_run(path).table
        if metric in table and table[metric].notna().any():
            found.setdefault(label, []).append(table[metric].dropna())
    return [Curve(label, tuple(seeds)) for label, seeds in found.items()]


def group_by_experiment(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Each run with the name of its experiment; those that only their folders tell apart keep them."""
    names = [experiment_name(path.name) for path in paths]
    homes: dict[str, set[Path]] = {}
    for name, path in zip(names, paths, strict=True):
        homes.setdefault(name, set()).add(path.parent if name != path.name else path)
    return [
        (name if len(homes[name]) == 1 else f"{path.parent.name}/{name}", path)
        for name, path in zip(names, paths, strict=True)
    ]


def experiment_name(name: str) -> str:
    """The name of a run without its seed."""
    base, dash, seed = name.rpartition("-seed")
    return base if dash and seed.isdecimal() else name


def step_range(steps: int) -> int:
    """How far smoothing reaches: a twelfth of the run, at least 3 steps."""
    return max(3, steps // 12)


def smooth(series: pd.Series, span: int) -> pd.Series:
    """Exponentially weighted mean, each point by the steps before it alone; `span` as in pandas."""
    return series.ewm(span=span).mean()


def largest_fall(series: pd.Series) -> tuple[int, int, float]:
    """(step of a best value so far, step of the lowest after it, how much was lost) where most was lost."""
    lost = series.cummax() - series
    low = int(lost.to_numpy().argmax())
    best = int(series.to_numpy()[: low + 1].argmax())
    return series.index.tolist()[best], series.index.tolist()[low], float(lost.iloc[low])


def _band(seeds: Sequence[pd.Series]) -> ConfidenceBand:
    """Mean over seeds with the interval of Student's t, where at least two seeds have the step."""
    import pandas as pd
    from scipy.stats import t

    table = pd.concat(seeds, axis=1).sort_index()
    count, mean = table.count(axis=1), table.mean(axis=1)
    error = table.std(axis=1) / count**0.5
    half = (error * t.ppf((1 + LEVEL) / 2, (count - 1).clip(lower=1))).fillna(0.0)
    return ConfidenceBand(mean, mean - half, mean + half)


# One panel of curves, drawn alike in every figure: raw faint, smoothed bold, seeds as a band.


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


def draw_panels(runs: Sequence[Path], metrics: Sequence[str], *, smoothed: bool = True) -> Figure:
    """A figure with a panel for each metric that some run logged. Raises `MissingData` when none did."""
    from matplotlib import pyplot

    found = {metric: read_curves(runs, metric) for metric in metrics}
    found = {metric: lines for metric, lines in found.items() if lines}
    if not found:
        raise MissingData(f"None of the runs logged {' or '.join(metrics)}. See `mmk12 list figures` for others.")
    columns = min(_PER_ROW, len(found))
    rows = -(-len(found) // columns)
    size = (3.6 * columns, 0.5 + 2.5 * rows)
    drawn, grid = pyplot.subplots(rows, columns, figsize=size, squeeze=False)
    order = list(dict.fromkeys(curve.name for lines in found.values() for curve in lines))
    for axes, (metric, lines) in zip(grid.flat, found.items(), strict=False):
        draw_panel(axes, lines, LABELS.get(metric, metric), order, smoothed=smoothed)
    for axes in grid.flat[len(found) :]:
        axes.set_visible(False)
    add_legend(drawn, list(grid.flat[: len(found)]))
    return drawn


def draw_panel(axes: Axes, lines: Sequence[Curve], label: str, order: Sequence[str], *, smoothed: bool = True) -> None:
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
    step_axis(axes)
    axes.set_ylabel(label)


def _within(axes: Axes) -> None:
    """Scales by the lines: the interval of two seeds that lie apart would flatten them."""
    import numpy as np

    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.06 * (high - low) or 0.05 * (abs(high) or 1.0)
    axes.set_ylim(low - margin, high + margin)


def step_axis(axes: Axes) -> None:
    """Makes the horizontal axis one of whole training steps."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.margins(x=0.01)


def add_legend(drawn: Figure, shown: Sequence[Axes]) -> None:
    """One legend above all panels, an entry per name."""
    named = {name: handle for axes in shown for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    if named:
        columns = max(1, min(len(named), int(drawn.get_figwidth() * 14 / (4 + max(map(len, named))))))
        drawn.legend(named.values(), named.keys(), loc="outside upper center", ncols=columns)
