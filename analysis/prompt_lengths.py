"""Lengths of the prompts of data folders, against the 2,048 tokens that the paper trains with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from mmk12.curation.paper_counts import PAPER
from mmk12.utils import storage

LONGEST = 2048
"""Longest prompt in training, in tokens (paper, section "Common"); longer ones are cut or left out."""
_OWN_COLOUR = 6
"""Number of largest sources with their own colour; the others share grey."""


def figure(runs: Sequence[Path]) -> Figure:
    """Draws stacked histograms, the largest source at the bottom; one panel per data folder."""
    fig, panels = pyplot.subplots(1, len(runs), figsize=(6.4 * len(runs), 3.6), squeeze=False)
    for panel, run in zip(panels[0], runs, strict=True):
        lengths = storage.read_json(run / "statistics.json")["prompt_lengths"]
        _draw_histogram(panel, storage.read_json(run / "manifest.json")["recipe"]["name"], lengths)
    return fig


def _draw_histogram(panel: Axes, name: str, lengths: dict[str, Any]) -> None:
    counts: dict[str, list[list[int]]] = lengths["counts"]
    order = sorted(counts, key=lambda source: (-sum(rows for _, rows in counts[source]), source))
    values = [np.array(counts[source], dtype=int).reshape(-1, 2) for source in order]
    every = np.repeat(*np.concatenate([*values, np.zeros((0, 2), int)]).T)
    top = max(every, default=1)
    colours = [f"C{place}" if place < _OWN_COLOUR else "0.75" for place in range(len(order))]
    labels = [PAPER[source][0] if source in PAPER else source for source in order]
    labels = [label if place <= _OWN_COLOUR else "_" for place, label in enumerate(labels)]
    if len(order) > _OWN_COLOUR:
        labels[_OWN_COLOUR] = "others"
    if order:
        panel.hist(
            [value[:, 0] for value in values],
            bins=np.linspace(0, top, 61).tolist(),
            weights=[value[:, 1] for value in values],
            stacked=True,
            color=colours,
            label=labels,
        )
    if lengths["unit"] == "tokens" and top > LONGEST:
        panel.axvline(LONGEST, color="0.3", linewidth=0.9, linestyle="--", label=f"{LONGEST:,}: longest in training")
    middle = f"median {np.median(every):,.0f}, longest {top:,}" if len(every) else "none measured"
    panel.set_title(f"{name}: {middle}", loc="left")
    panel.set_xlabel(f"{lengths['unit']}{', images included' if lengths['unit'] == 'tokens' else ''}")
    panel.set_ylabel("rows")
    panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    panel.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    panel.margins(x=0.01)
    panel.grid(axis="x", visible=False)
    if len(order) > 1 or top > LONGEST:
        panel.legend(loc="upper right")
