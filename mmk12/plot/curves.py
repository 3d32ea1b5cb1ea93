"""Curves over training: runs gathered into experiments, smoothing, and several seeds as a mean with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mmk12.runlog import read_run
from mmk12.stats import LEVEL

if TYPE_CHECKING:
    import pandas as pd


class Band(NamedTuple):
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

    def raw(self) -> Band:
        """The curve as it was logged."""
        return _band(self.seeds)

    def smoothed(self) -> Band:
        """The curve of the smoothed seeds: the interval is that of the line it lies around, not of single steps."""
        length = max(len(series) for series in self.seeds)
        return _band([smooth(series, span(length)) for series in self.seeds])


def curves(paths: Sequence[Path], metric: str) -> list[Curve]:
    """The experiments that logged `metric`, in the order given. Runs `NAME-seed0`, `NAME-seed1`, … are one."""
    found: dict[str, list[pd.Series]] = {}
    for label, path in labelled(paths):
        table = read_run(path).table
        if metric in table and table[metric].notna().any():
            found.setdefault(label, []).append(table[metric].dropna())
    return [Curve(label, tuple(seeds)) for label, seeds in found.items()]


def labelled(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Each run with the name of its experiment; those that only their folders tell apart keep them."""
    names = [experiment(path.name) for path in paths]
    homes: dict[str, set[Path]] = {}
    for name, path in zip(names, paths, strict=True):
        homes.setdefault(name, set()).add(path.parent if name != path.name else path)
    return [
        (name if len(homes[name]) == 1 else f"{path.parent.name}/{name}", path)
        for name, path in zip(names, paths, strict=True)
    ]


def experiment(name: str) -> str:
    """The name of a run without its seed."""
    base, dash, seed = name.rpartition("-seed")
    return base if dash and seed.isdecimal() else name


def span(steps: int) -> int:
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


def _band(seeds: Sequence[pd.Series]) -> Band:
    """Mean over seeds with the interval of Student's t, where at least two seeds have the step."""
    import pandas as pd
    from scipy.stats import t

    table = pd.concat(seeds, axis=1).sort_index()
    count, mean = table.count(axis=1), table.mean(axis=1)
    error = table.std(axis=1) / count**0.5
    half = (error * t.ppf((1 + LEVEL) / 2, (count - 1).clip(lower=1))).fillna(0.0)
    return Band(mean, mean - half, mean + half)
