"""Training questions by source, with count and share (arXiv 2503.07365, figure 1), from data folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from mmk12 import storage

_BAR = 0.34
"""Height that one source takes, in inches."""


def figure(runs: Sequence[Path]) -> Figure:
    """Horizontal bars, the largest source on top; one panel per data folder."""
    manifests = [storage.read_json(run / "manifest.json") for run in runs]
    most = max(len(manifest["sources"]) for manifest in manifests)
    size = (6.4 * len(runs), 1.0 + _BAR * most)
    drawn, panels = pyplot.subplots(1, len(runs), figsize=size, squeeze=False)
    for panel, manifest in zip(panels[0], manifests, strict=True):
        _bars(panel, manifest["recipe"]["name"], manifest["sources"])
    return drawn


def _bars(panel: Axes, name: str, sources: dict[str, dict[str, int]]) -> None:
    rows = {source: steps.get("train", 0) + steps.get("val", 0) for source, steps in sources.items()}
    total = sum(rows.values())
    order = sorted(rows, key=lambda source: (rows[source], source))
    bars = panel.barh(order, [rows[source] for source in order], height=0.7)
    panel.bar_label(bars, [f"{rows[source]:,} ({rows[source] / max(1, total):.1%})" for source in order], padding=4)
    panel.set_title(f"{name}: {total:,} questions", loc="left")
    panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    panel.set_xlabel("questions")
    panel.margins(x=0.25)  # room for the labels
    panel.grid(axis="y", visible=False)
    panel.tick_params(axis="y", length=0)
