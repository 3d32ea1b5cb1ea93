"""Figure 9: early signs of an unstable training, step by step and not smoothed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from mmk12.plotting.curves import draw_panels, largest_drop, read_curves

_METRICS = ("accuracy", "length", "truncated", "entropy", "gradient_norm", "clip_fraction")


def figure(runs: Sequence[Path]) -> Figure:
    """Draws a panel per metric; the first one marks the largest drop of each experiment's smoothed accuracy."""
    fig = draw_panels(runs, _METRICS, smoothed=False)
    axes = fig.axes[0]
    for curve in read_curves(runs, "accuracy"):
        best, low, lost = largest_drop(curve.smoothed().mean)
        if lost > 0:
            axes.axvspan(best, low, color="0.5", alpha=0.12, linewidth=0)
            axes.plot(
                [best, low], [0.985, 0.985], "|-", color="0.3", linewidth=0.9, transform=axes.get_xaxis_transform()
            )
            axes.set_title(f"lost {lost:.2f} from step {best} to {low}", loc="right", fontsize=8)
    return fig
