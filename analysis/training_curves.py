"""Figure 6: accuracy reward and response length against the training step, raw faint and smoothed bold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from mmk12.plotting.curves import draw_panels


def figure(runs: Sequence[Path]) -> Figure:
    """Draws two panels, with a colour and a line style per experiment; its seeds are a band."""
    return draw_panels(runs, ("accuracy", "length"))
