"""Figure 9: early signs of an unstable training, step by step and not smoothed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from mmk12.plotting.curves import draw_panels, largest_drop, read_curves

_METRICS = ("accuracy", "length", "truncated", "entropy", "gradient_norm", "clip_fraction")


def figure(runs: Sequence[Path]) -> Figure:
    """Draws a panel per metric; the first one marks the largest drop of each experiment's smoothed accuracy.

    Each drop is a bracket in the colour of its experiment; the title names the largest one.
    """
    fig = draw_panels(runs, _METRICS, smoothed=False)
    axes = fig.axes[0]
    drops = [(curve, *largest_drop(curve.smoothed().mean)) for curve in read_curves(runs, "accuracy")]
    fallen = [one for one in drops if one[3] > 0]
    for number, (curve, best, low, _) in enumerate(fallen):
        color = next(line.get_color() for line in axes.lines if line.get_label() == curve.name)
        height = 0.985 - 0.035 * number
        axes.plot([best, low], [height, height], "|-", color=color, linewidth=1, transform=axes.get_xaxis_transform())
        if len(fallen) == 1:
            axes.axvspan(best, low, color="0.5", alpha=0.12, linewidth=0)
    if fallen:
        curve, best, low, lost = max(fallen, key=lambda one: one[3])
        name = f"{curve.name} " if len(drops) > 1 else ""
        axes.set_title(f"{name}lost {lost:.2f} from step {best} to {low}", loc="right", fontsize=8)
    return fig
