"""Figure 1 of the paper for your own mixture: how many training rows each source gives, as bars with count and share.

`mmk12 plot sources FOLDER` draws it from the manifest.json of a `build-data` folder; several folders give several
panels. arXiv 2503.07365, figure 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmk12.storage import read_json

BAR = "#0072B2"  # blue of the Okabe-Ito palette: told apart with any colour vision, and dark enough in grey
ROW, WIDTH = 0.38, 6.4  # inches


def figure(runs: Sequence[Path]) -> Figure:
    """Horizontal bars, the largest source on top, one panel per folder in `runs`."""
    manifests = [read_json(Path(run) / "manifest.json") for run in runs]
    most = max(len(manifest["sources"]) for manifest in manifests)
    drawn = Figure(figsize=(WIDTH * len(manifests), 1.3 + ROW * most), dpi=150, layout="constrained")
    panels = drawn.subplots(1, len(manifests), squeeze=False)[0]
    for panel, manifest in zip(panels, manifests, strict=True):
        _bars(panel, manifest["recipe"]["name"], manifest["sources"])
    return drawn


def _bars(panel: Axes, name: str, sources: dict[str, dict[str, int]]) -> None:
    rows = {source: steps.get("train", 0) + steps.get("val", 0) for source, steps in sources.items()}
    total = sum(rows.values())
    order = sorted(rows, key=lambda source: (rows[source], source))
    bars = panel.barh(order, [rows[source] for source in order], color=BAR, height=0.7)
    labels = [f"{rows[source]:,} ({rows[source] / max(1, total):.1%})" for source in order]
    panel.bar_label(bars, labels, padding=4)
    panel.set_title(f"{name}: {total:,} questions", loc="left")
    panel.set_xlabel("questions")
    panel.margins(x=0.28)
    panel.spines[["top", "right"]].set_visible(False)
    panel.tick_params(axis="y", length=0)
