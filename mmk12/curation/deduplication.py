"""The stage that keeps one of several copies of a question.

Equal copies have the same text (blanks aside) and the same pictures. Near copies have the same answer and numbers,
nearly the same words and, picture by picture, nearly the same figures. So a template question on another figure stays,
and so does another question about the same figure. The evidence is the id of the twin that stays, and how near it is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from mmk12.curation import image_fingerprints
from mmk12.curation.similarity import (
    ALIKE,
    EQUAL_PICTURE,
    ComparableItem,
    ItemBuilder,
    MinHashIndex,
    compare_items,
    similarity,
)
from mmk12.curation.stage_cache import Outcome, StageOutput
from mmk12.types import DroppedSample

NEAR_WORDS = 0.85
"""Similarity of words from which near copies are one question."""

_ROWS = 256
"""Rows of a block whose pictures are compared with the others at once."""
_CLOSEST = 32
"""So many of the pictures most alike are compared in detail: a bound where thousands are drawn to one pattern."""


class NearDuplicate(NamedTuple):
    """The row that stays instead of another one, and how near it is; `picture` is 0 where there is none."""

    number: int
    text: float
    picture: float


def duplicates(samples: StageOutput, *, build_item: ItemBuilder) -> Iterator[Outcome]:
    """Drops a question that an earlier one equals, or nearly equals, in text and pictures."""
    equal, blocks = _equal(samples)
    near = _near(samples, build_item, equal, blocks)
    for number, sample in enumerate(samples):
        found = equal.get(number) or near.get(number)
        yield sample if found is None else DroppedSample(sample.id, sample.source, "duplicates", *found)


def find_near_duplicates(items: Sequence[ComparableItem]) -> dict[int, NearDuplicate]:
    """The near copies among questions with the same answer and numbers, each with the earlier one that stays."""
    bare = [number for number, item in enumerate(items) if not item.pictures]
    shown = [number for number, item in enumerate(items) if item.pictures]
    return {**_pair_by_text(items, bare), **_pair_by_image(items, shown)}


def _pair_by_text(items: Sequence[ComparableItem], bare: list[int]) -> dict[int, NearDuplicate]:
    words = [items[number].text.words for number in bare]
    found: dict[int, NearDuplicate] = {}
    for (one, other), text in sorted(MinHashIndex(words).near(words, NEAR_WORDS).items()):
        if other < one and bare[one] not in found and bare[other] not in found:
            found[bare[one]] = NearDuplicate(bare[other], text, 0.0)
    return found


def _pair_by_image(items: Sequence[ComparableItem], shown: list[int]) -> dict[int, NearDuplicate]:
    found: dict[int, NearDuplicate] = {}
    firsts = [items[number].pictures[0].print_ for number in shown]
    coarse = image_fingerprints.downscale(np.array(firsts, dtype=np.uint8))
    stays = np.ones(len(shown), dtype=bool)
    for start in range(0, len(shown), _ROWS):
        alike = image_fingerprints.correlation(coarse[start : start + _ROWS], coarse[: start + _ROWS])
        for place, row in enumerate(alike, start):
            candidates = np.flatnonzero((row[:place] >= ALIKE) & stays[:place])
            closest = candidates[np.argsort(-row[candidates], kind="stable")][:_CLOSEST]
            others = [shown[other] for other in closest.tolist()]
            twin = next(
                filter(None, (_compare_pairs(items[shown[place]], items[other], other) for other in others)), None
            )
            if twin is not None:
                found[shown[place]] = twin
                stays[place] = False
    return found


def _compare_pairs(row: ComparableItem, other: ComparableItem, number: int) -> NearDuplicate | None:
    text = similarity(row.text.words, other.text.words, NEAR_WORDS)
    if not text or len(row.pictures) != len(other.pictures):
        return None
    prints = [np.stack([picture.print_ for picture in item.pictures]) for item in (row, other)]
    worst = float(image_fingerprints.agreement(*prints).min())
    return NearDuplicate(number, text, worst) if worst >= EQUAL_PICTURE else None


Found = dict[int, tuple[str, str]]
"""{number of a row: (reason, evidence)}."""


def _equal(samples: StageOutput) -> tuple[Found, list[bytes]]:
    """The equal copies, and for each row the block of those that could be near copies of it."""
    first: dict[bytes, tuple[str, str]] = {}
    found: Found = {}
    blocks: list[bytes] = []
    for number, sample in enumerate(samples):
        pictures = ",".join(sorted({image.sha256 for image in sample.images}))
        key = _digest(pictures, " ".join(sample.question.split()))
        twin, answer = first.setdefault(key, (sample.id, sample.gold.text))
        if twin != sample.id:
            reason = "duplicate" if answer == sample.gold.text else "duplicate with another gold"
            found[number] = reason, twin
        item = ComparableItem.of(sample.id, sample.question, sample.gold, ())
        blocks.append(_digest(*item.answer, "|", *item.text.numbers)[:8])
    return found, blocks


def _near(samples: StageOutput, build_item: ItemBuilder, equal: Found, blocks: list[bytes]) -> Found:
    """The near copies among the rows that are no equal ones."""
    sizes = Counter(block for number, block in enumerate(blocks) if number not in equal)
    members: dict[bytes, list[tuple[int, ComparableItem]]] = {}
    for number, sample in enumerate(samples):
        if number not in equal and sizes[blocks[number]] > 1:
            members.setdefault(blocks[number], []).append((number, build_item(sample)))
    found: Found = {}
    for block in members.values():
        items = [item for _, item in block]
        for number, twin in find_near_duplicates(items).items():
            evidence = compare_items(items[twin.number].id, twin.text, twin.picture)
            found[block[number][0]] = "near duplicate", evidence
    return found


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).digest()
