"""Compares any metrics of any runs: offline filter, KL, curriculum, online filter (figures 2, 3, 7 and 8)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from mmk12.plotting.curves import draw_panels

DEFAULT = ("accuracy", "length", "entropy", "all_right", "all_wrong", "validation/accuracy")


def figure(runs: Sequence[Path], metrics: Sequence[str] = DEFAULT) -> Figure:
    """Draws a panel per metric that some run logged; `metrics` are columns of the run log."""
    return draw_panels(runs, metrics)
