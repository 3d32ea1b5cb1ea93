"""Row counts of the paper's mixture (arXiv 2503.07365, figure 1), and their comparison with a build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

PAPER: Mapping[str, tuple[str, int]] = {
    "geoqa_plus": ("GeoQA-Plus", 13_322),
    "k12_train": ("K12", 8_099),
    "clevr_math": ("CLEVR", 7_672),
    "geometry3k": ("Geometry3K", 5_665),
    "math": ("MATH", 4_844),
    "iconqa": ("IconQA", 4_324),
    "m3cot": ("M3CoT", 3_884),
    "dvqa": ("DVQA", 3_318),
    "scienceqa": ("ScienceQA", 1_039),
    "chartqa": ("ChartQA", 958),
    "ai2d": ("AI2D", 737),
    "unigeo": ("UniGeo", 486),
    "infovqa": ("InfoVQA", 348),
    "geos": ("GeoS", 209),
    "mapqa": ("MapQA", 26),
}
"""(name, rows) by our source id; the sum is 54,931, all rows that were left after both of the paper's filters."""


class PaperCount(NamedTuple):
    """One source in the comparison; `upstream` is the size of its train split if that is known and too small."""

    name: str
    paper: int
    ours: int
    upstream: int | None


def compare_with_paper(ours: Mapping[str, int], sizes: Mapping[str, int | None]) -> list[PaperCount]:
    """Compares the paper's counts with `ours`, by source id; `sizes` are those of the publishers' train splits."""
    rows = []
    for source, (name, paper) in PAPER.items():
        size = sizes.get(source)
        rows.append(PaperCount(name, paper, ours.get(source, 0), size if size is not None and size < paper else None))
    return rows
