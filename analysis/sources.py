"""Training questions by source, with count and share (arXiv 2503.07365, figure 1), from data folders."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from mmk12.curation.paper_counts import PAPER
from mmk12.utils import storage

_BAR = 0.34
"""Height of one source in inches."""


def figure(runs: Sequence[Path]) -> Figure:
    """Draws horizontal bars, the largest source on top, ticks for the paper's counts; one panel per data folder."""
    counts = [(storage.read_json(run / "manifest.json")["recipe"]["name"], _count_rows(run)) for run in runs]
    most = max(len(rows) for _, rows in counts)
    fig, panels = pyplot.subplots(1, len(runs), figsize=(6.4 * len(runs), 1.1 + _BAR * most), squeeze=False)
    for panel, (name, rows) in zip(panels[0], counts, strict=True):
        _draw_bars(panel, name, rows)
    return fig


def _count_rows(run: Path) -> dict[str, int]:
    """Counts rows by source, largest first; rows of a published mixture by their original source."""
    origins: dict[str, int] = storage.read_json(run / "statistics.json")["origins"]
    return dict(sorted(origins.items(), key=lambda item: (-item[1], item[0])))


def _draw_bars(panel: Axes, name: str, rows: dict[str, int]) -> None:
    total = sum(rows.values())
    names = [PAPER[source][0] if source in PAPER else source for source in rows]
    panel.barh(names, list(rows.values()), height=0.7)
    printed = {place: PAPER[source][1] for place, source in enumerate(rows) if source in PAPER}
    if printed:
        ticks = list(printed.values())
        panel.plot(ticks, list(printed), "|", color="C1", markersize=13, markeredgewidth=1.8, label="paper, figure 1")
        panel.legend(loc="lower right", bbox_to_anchor=(1, 1), handletextpad=0.1, borderpad=0)
    for place, count in enumerate(rows.values()):
        beside = f"; paper {printed[place]:,}" if place in printed else ""
        label, end = f"{count:,} ({count / max(1, total):.1%}){beside}", max(count, printed.get(place, 0))
        panel.annotate(label, (end, place), xytext=(5, 0), textcoords="offset points", va="center")
    panel.invert_yaxis()
    panel.set_title(f"{name}: {total:,} questions", loc="left")
    panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    panel.set_xlabel("questions")
    panel.set_xlim(0, (1.6 if printed else 1.25) * max([*rows.values(), *printed.values(), 1]))  # room for the labels
    panel.grid(axis="y", visible=False)
    panel.tick_params(axis="y", length=0)
