"""Widths and heights of the images of data folders, against the 448-pixel tiles that InternVL cuts them into."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from mmk12.utils import storage

TILE = 448
_TICKS = (28, 56, 112, 224, 448, 896, 1792, 3584, 7168)


def figure(runs: Sequence[Path]) -> Figure:
    """Draws the number of images by size as a map with logarithmic axes; one panel per data folder."""
    fig, panels = pyplot.subplots(1, len(runs), figsize=(4.8 * len(runs), 4.2), squeeze=False)
    for panel, run in zip(panels[0], runs, strict=True):
        sizes = np.array(storage.read_json(run / "statistics.json")["image_sizes"], dtype=int).reshape(-1, 3)
        _draw_map(fig, panel, storage.read_json(run / "manifest.json")["recipe"]["name"], sizes)
    return fig


def _draw_map(fig: Figure, panel: Axes, name: str, sizes: np.ndarray) -> None:
    """Draws one map; `sizes` has a row (width, height, number of images) per size, in pixels."""
    width, height, count = sizes.T
    low, high = (min(sizes[:, :2].min(), TILE), max(sizes[:, :2].max(), TILE)) if len(sizes) else (28, TILE)
    edges = np.geomspace(low / 1.25, high * 1.25, 49)
    counts, _, _ = np.histogram2d(width, height, bins=(edges, edges), weights=count)
    mesh = panel.pcolormesh(
        edges, edges, np.ma.masked_less(counts.T, 1), cmap="viridis_r", norm=LogNorm(1, max(2, counts.max()))
    )
    panel.axvline(TILE, color="0.55", linewidth=0.8, linestyle=":")
    panel.axhline(TILE, color="0.55", linewidth=0.8, linestyle=":")
    panel.plot(edges, edges, color="0.8", linewidth=0.8, zorder=0)
    panel.set_xscale("log")
    panel.set_yscale("log")
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_locator(FixedLocator(_TICKS))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(ScalarFormatter())
    panel.set_xlim(edges[0], edges[-1])
    panel.set_ylim(edges[0], edges[-1])
    panel.set_aspect("equal")
    panel.set_title(f"{name}: {count.sum():,} images", loc="left")
    panel.set_xlabel("width (pixels); dotted: one tile of InternVL")
    panel.set_ylabel("height (pixels)")
    bar = fig.colorbar(mesh, ax=panel, shrink=0.8, label="images")
    bar.outline.set_visible(False)
