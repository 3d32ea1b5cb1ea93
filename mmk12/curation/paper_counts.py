"""The paper's mixture (arXiv 2503.07365, figure 1) to set a build's counts beside, and what upstream cannot reach."""

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
"""Name and count by our id; the counts sum to 54,931, all rows that were left after both of the paper's filters."""


class PaperCount(NamedTuple):
    """One line of the comparison; `upstream` is the size of the train split where it is known and too small."""

    name: str
    paper: int
    ours: int
    upstream: int | None


def compare_with_paper(ours: Mapping[str, int], sizes: Mapping[str, int | None]) -> list[PaperCount]:
    """The paper's counts beside `ours`, both by our ids; `sizes` are those of the publishers' train splits."""
    found = []
    for source, (name, paper) in PAPER.items():
        size = sizes.get(source)
        found.append(PaperCount(name, paper, ours.get(source, 0), size if size is not None and size < paper else None))
    return found
