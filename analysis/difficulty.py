"""How often a model solves the questions of a data folder: the histogram behind the offline difficulty filter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from mmk12.errors import MissingData
from mmk12.recipes.data_schema import PassRateRange
from mmk12.utils import storage

_KEPT_COLOR, _DROPPED_COLOR = "C0", "#b8bec6"


def figure(runs: Sequence[Path]) -> Figure:
    """Draws bars over the number of right answers, in colour where questions are kept; one panel per data folder."""
    difficulties = [_read_difficulty(run) for run in runs]
    fig, panels = pyplot.subplots(1, len(runs), figsize=(5.2 * len(runs), 3.4), squeeze=False)
    for panel, (name, difficulty) in zip(panels[0], difficulties, strict=True):
        _draw_bars(panel, name, difficulty)
    return fig


def _read_difficulty(run: Path) -> tuple[str, dict[str, Any]]:
    """Reads the name of the recipe and the pass rates of a data folder."""
    manifest = storage.read_json(run / "manifest.json")
    if manifest["difficulty"] is None:
        raise MissingData(f"{run} has no pass rates. Build it with a model: mmk12 build-data … --model MODEL")
    return manifest["recipe"]["name"], manifest["difficulty"]


def _draw_bars(panel: Axes, name: str, difficulty: dict[str, Any]) -> None:
    n, band = difficulty["n"], PassRateRange.parse(difficulty["keep"])
    counts = [sum(column) for column in zip(*difficulty["right"].values(), strict=True)]
    total = sum(counts)
    inside = [band.side(right, n) == 0 for right in range(n + 1)]
    bars = panel.bar(
        range(n + 1), counts, width=0.82, color=[_KEPT_COLOR if kept else _DROPPED_COLOR for kept in inside]
    )
    if n <= 16:
        panel.bar_label(bars, [f"{count / max(1, total):.0%}" for count in counts], padding=2, fontsize=8)
    kept = sum(count for count, is_inside in zip(counts, inside, strict=True) if is_inside)
    panel.set_title(f"{name}\n{kept:,} of {total:,} questions kept ({kept / max(1, total):.1%})", loc="left")
    panel.set_xlabel(f"right answers of {n} by {difficulty['model']}; kept: {difficulty['keep'].replace('<=', '≤')}")
    panel.set_ylabel("questions")
    panel.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    if n <= 16:
        panel.set_xticks(range(n + 1))
    panel.grid(axis="x", visible=False)
