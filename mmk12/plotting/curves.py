"""Curves over training: runs grouped into experiments, smoothed, several seeds as a mean with its interval."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from mmk12.errors import MissingData
from mmk12.runlog import COLUMNS, read_run
from mmk12.utils.stats import LEVEL

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class ConfidenceBand(NamedTuple):
    """A mean and its 95 % interval, indexed by step. With one seed, all three are the same."""

    mean: pd.Series
    low: pd.Series
    high: pd.Series


class Curve(NamedTuple):
    """One metric of one experiment: a series for each of its seeds, indexed by step."""

    label: str
    seeds: tuple[pd.Series, ...]

    @property
    def name(self) -> str:
        """The text of its legend entry."""
        return f"{self.label} ({len(self.seeds)} seeds)" if len(self.seeds) > 1 else self.label

    def raw(self) -> ConfidenceBand:
        """Returns the curve as it was logged."""
        return _confidence_band(self.seeds)

    @property
    def span(self) -> int:
        """The span of the smoothing, in points; 0 if the curve has too few points to be smoothed."""
        return smoothing_span(max(len(series) for series in self.seeds))

    def smoothed(self) -> ConfidenceBand:
        """Returns the curve of the smoothed seeds; the interval is that of the smoothed line, not of single steps.

        A curve of few points is returned as it was logged.
        """
        return _confidence_band([smooth(series, self.span) for series in self.seeds])


def read_curves(paths: Sequence[Path], metric: str) -> list[Curve]:
    """Reads the experiments that logged `metric`, in the given order. Runs `NAME-seed0`, `NAME-seed1`, … are one."""
    seeds: dict[str, list[pd.Series]] = {}
    for label, path in group_by_experiment(paths):
        table = read_run(path).table
        if metric in table and table[metric].notna().any():
            seeds.setdefault(label, []).append(table[metric].dropna())
    return [Curve(label, tuple(series)) for label, series in seeds.items()]


def group_by_experiment(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Pairs each run with the name of its experiment, with its folder where names alone are ambiguous."""
    names = [experiment_name(path.name) for path in paths]
    homes: dict[str, set[Path]] = {}
    for name, path in zip(names, paths, strict=True):
        homes.setdefault(name, set()).add(path.parent if name != path.name else path)
    return [
        (name if len(homes[name]) == 1 else f"{path.parent.name}/{name}", path)
        for name, path in zip(names, paths, strict=True)
    ]


def experiment_name(name: str) -> str:
    """Returns the name of a run without its seed."""
    base, dash, seed = name.rpartition("-seed")
    return base if dash and seed.isdecimal() else name


def smoothing_span(points: int) -> int:
    """Returns the span for `smooth`: a twelfth of the points, at least 3; 0 for fewer than `FEWEST` points."""
    return max(3, points // 12) if points >= FEWEST else 0


def smooth(series: pd.Series, span: int) -> pd.Series:
    """Computes the exponentially weighted mean of each point and those before it; `span` as in pandas, 0 for none."""
    return series.ewm(span=span).mean() if span else series


def largest_drop(series: pd.Series) -> tuple[int, int, float]:
    """Finds the largest drop below the best value so far: (step of that best, step of the minimum, drop)."""
    drop = series.cummax() - series
    low = int(drop.to_numpy().argmax())
    best = int(series.to_numpy()[: low + 1].argmax())
    return series.index.tolist()[best], series.index.tolist()[low], float(drop.iloc[low])


def _confidence_band(seeds: Sequence[pd.Series]) -> ConfidenceBand:
    """Computes the mean over seeds with the interval of Student's t, where at least two seeds have the step."""
    from scipy.stats import t

    table = pd.concat(seeds, axis=1).sort_index()
    count, mean = table.count(axis=1), table.mean(axis=1)
    error = table.std(axis=1) / count**0.5
    half = (error * t.ppf((1 + LEVEL) / 2, (count - 1).clip(lower=1))).fillna(0.0)
    return ConfidenceBand(mean, mean - half, mean + half)


# Drawing: a panel per metric; raw values faint, smoothed ones bold, seeds as a band.


FEWEST = 10
"""The fewest points that are smoothed. A line through fewer would show a trend that is not in the data."""

SHARES = {"accuracy", "format", "truncated", "no_answer", "timeout", "all_right", "all_wrong", "clip_fraction"} | {
    "validation/accuracy",
}
"""Columns that are shares. Where their values are between 0 and 1, so are their axes and bands."""

AXIS_LABELS = {column.name: column.label for column in COLUMNS}
"""Labels of the columns that the run log knows; other columns are labelled by their names."""

_STYLES = ("-", "--", "-.", ":")
_MARKERS = "os^Dvx*"
_COLORS = 7
_PANELS_PER_ROW = 3


def draw_panels(runs: Sequence[Path], metrics: Sequence[str], *, smoothed: bool = True) -> Figure:
    """Draws a figure with a panel for each metric that some run logged. Raises `MissingData` if none did."""
    from matplotlib import pyplot

    curves = {metric: read_curves(runs, metric) for metric in metrics}
    curves = {metric: lines for metric, lines in curves.items() if lines}
    if not curves:
        raise MissingData(f"None of the runs logged {' or '.join(metrics)}. See `mmk12 list figures` for others.")
    columns = min(_PANELS_PER_ROW, len(curves))
    rows = -(-len(curves) // columns)
    size = (3.6 * columns, 0.5 + 2.5 * rows)
    figure, grid = pyplot.subplots(rows, columns, figsize=size, squeeze=False)
    names = list(dict.fromkeys(curve.name for lines in curves.values() for curve in lines))
    for axes, (metric, lines) in zip(grid.flat, curves.items(), strict=False):
        label = AXIS_LABELS.get(metric, metric)
        draw_panel(axes, lines, label, names, smoothed=smoothed, share=metric in SHARES)
    for axes in grid.flat[len(curves) :]:
        axes.set_visible(False)
    add_legend(figure, list(grid.flat[: len(curves)]))
    explain(figure, describe_lines([curve for lines in curves.values() for curve in lines], smoothed=smoothed))
    return figure


def make_grid(count: int, size: tuple[float, float]) -> tuple[Figure, list[Axes]]:
    """Makes `count` panels with common axes, at most three in a row; `size` is that of one of them, in inches."""
    from matplotlib import pyplot

    columns = min(_PANELS_PER_ROW, count)
    rows = -(-count // columns)
    area = (size[0] * columns, size[1] * rows)
    figure, grid = pyplot.subplots(rows, columns, figsize=area, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat[count:]:
        axes.remove()
    return figure, list(grid.flat[:count])


def describe_lines(curves: Sequence[Curve], *, smoothed: bool = True) -> str:
    """Returns in words what faint and bold lines, dots and bands of curves are."""
    spans = sorted({curve.span for curve in curves if smoothed and curve.span})
    few = not smoothed or any(not curve.span for curve in curves)
    words = []
    if spans:
        several = f"{spans[0]} to {spans[-1]}" if len(spans) > 1 else f"{spans[0]}"
        words.append(f"faint: as logged; bold: exponentially weighted mean, span {several} points")
    if few:
        words.append("as logged" if not smoothed else f"dots: as logged, fewer than {FEWEST} points are not smoothed")
    if any(len(curve.seeds) > 1 for curve in curves):
        words.append("band: 95 % interval over seeds")
    return "; ".join(words)


def explain(figure: Figure, text: str) -> None:
    """Writes below a figure what its lines and bands are, in lines as long as the figure is wide."""
    from matplotlib import font_manager

    size = font_manager.FontProperties(size="x-small").get_size_in_points()
    letters = int(figure.get_figwidth() * 72 / (0.5 * size))
    figure.supxlabel("\n".join(textwrap.wrap(text, letters)), fontsize="x-small", color="0.35")


def draw_panel(
    axes: Axes,
    lines: Sequence[Curve],
    label: str,
    names: Sequence[str],
    *,
    smoothed: bool = True,
    share: bool = False,
) -> None:
    """Draws curves, those of few points as dots that are joined by a thin line.

    `names` are those of the whole figure, so that a curve has the same colour in each panel. The band of a `share` is
    cut off at 0 and 1.
    """
    share = share and all(series.between(0, 1).all() for curve in lines for series in curve.seeds)
    for curve in lines:
        number = names.index(curve.name)
        color, style = f"C{number % _COLORS}", _STYLES[number % len(_STYLES)]
        raw = curve.raw()
        bold = curve.smoothed() if smoothed else raw
        if smoothed and curve.span:
            axes.plot(raw.mean.index, raw.mean, color=color, alpha=0.3, linewidth=0.8)
        marker = "" if curve.span else _MARKERS[number % len(_MARKERS)]
        width = 1.7 if curve.span else 1.1
        axes.plot(
            *(bold.mean.index, bold.mean, style),
            color=color,
            linewidth=width,
            marker=marker,
            markersize=4,
            label=curve.name,
        )
        if len(curve.seeds) > 1:
            low, high = (bold.low.clip(0, 1), bold.high.clip(0, 1)) if share else (bold.low, bold.high)
            axes.fill_between(bold.mean.index, low, high, color=color, alpha=0.16, linewidth=0)
    _scale_to_lines(axes, share)
    set_step_axis(axes)
    axes.set_ylabel(label)


def _scale_to_lines(axes: Axes, share: bool) -> None:
    """Scales the vertical axis by the lines: the wide interval of two distant seeds would flatten them."""
    values = np.concatenate([np.asarray(line.get_ydata(), dtype=float) for line in axes.lines])
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    margin = 0.06 * (high - low) or 0.05 * (abs(high) or 1.0)
    bottom, top = low - margin, high + margin
    if share:  # there is nothing below 0 or above 1; a line on the edge keeps its width
        edge = 0.01 * (top - bottom)
        bottom, top = max(bottom, -edge), min(top, 1 + edge)
    axes.set_ylim(bottom, top)


def say_none(axes: Axes, text: str) -> None:
    """Writes in words that a panel has nothing to show, instead of axes without data."""
    axes.clear()
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color="0.35")


def set_step_axis(axes: Axes) -> None:
    """Makes the horizontal axis one of whole training steps."""
    from matplotlib.ticker import MaxNLocator

    axes.set_xlabel("step")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.margins(x=0.01)


def add_legend(figure: Figure, panels: Sequence[Axes]) -> None:
    """Adds one legend above all panels, with an entry per name."""
    handles = {name: handle for axes in panels for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)}
    if handles:
        columns = max(1, min(len(handles), int(figure.get_figwidth() * 14 / (4 + max(map(len, handles))))))
        figure.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=columns)
