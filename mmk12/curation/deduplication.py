"""The stage that keeps one of several copies of a question.

Equal copies have the same text (blanks aside) and the same images. Near copies have the same answer and numbers,
nearly the same words and, image by image, nearly the same figures. The same words on another figure are kept, and so
is another question about the same figure: where the figures are equal, one other word makes another question ("share
rate", "comment rate"), except for articles and the like. The evidence of a drop is the id of the row that stays, and
how similar it is.
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
    EQUAL_IMAGE,
    ComparableItem,
    ItemBuilder,
    MinHashIndex,
    format_evidence,
    similarity,
)
from mmk12.curation.stage_cache import Outcome, StageOutput
from mmk12.types import DroppedSample

NEAR_WORDS = 0.85
"""Similarity of words from which two questions are near copies."""

FUNCTION_WORDS = frozenset(
    {"a", "an", "the", "is", "are", "was", "were", "be", "of", "that", "it", "its", "please", "then", "so"}
)
"""Words by which two questions about an equal figure may differ and still be copies."""

_ROWS = 256
"""The number of rows whose images are compared with all others at once."""
_CLOSEST = 32
"""The number of most similar images that are compared in detail: a bound where thousands follow one pattern."""


class NearDuplicate(NamedTuple):
    """The row that stays instead of another one, and how similar it is; `image` is 0 for rows without images."""

    number: int
    text: float
    image: float


def duplicates(samples: StageOutput, *, build_item: ItemBuilder) -> Iterator[Outcome]:
    """Drops a question that an earlier one equals, or nearly equals, in text and images."""
    equal, blocks = _find_equal(samples)
    near = _find_near(samples, build_item, equal, blocks)
    for number, sample in enumerate(samples):
        reason = equal.get(number) or near.get(number)
        yield sample if reason is None else DroppedSample(sample.id, sample.source, "duplicates", *reason)


def find_near_duplicates(items: Sequence[ComparableItem]) -> dict[int, NearDuplicate]:
    """Returns {index: earlier item that stays} for the near copies among items with one answer and the same numbers."""
    bare = [number for number, item in enumerate(items) if not item.images]
    with_images = [number for number, item in enumerate(items) if item.images]
    return {**_pair_by_text(items, bare), **_pair_by_image(items, with_images)}


def _pair_by_text(items: Sequence[ComparableItem], bare: list[int]) -> dict[int, NearDuplicate]:
    words = [items[number].text.words for number in bare]
    twins: dict[int, NearDuplicate] = {}
    for (one, other), text in sorted(MinHashIndex(words).near(words, NEAR_WORDS).items()):
        if other < one and bare[one] not in twins and bare[other] not in twins:
            twins[bare[one]] = NearDuplicate(bare[other], text, 0.0)
    return twins


def _pair_by_image(items: Sequence[ComparableItem], with_images: list[int]) -> dict[int, NearDuplicate]:
    twins: dict[int, NearDuplicate] = {}
    firsts = [items[number].images[0].grey for number in with_images]
    coarse = image_fingerprints.downscale(np.array(firsts, dtype=np.uint8))
    stays = np.ones(len(with_images), dtype=bool)
    for start in range(0, len(with_images), _ROWS):
        alike = image_fingerprints.correlation(coarse[start : start + _ROWS], coarse[: start + _ROWS])
        for place, row in enumerate(alike, start):
            candidates = np.flatnonzero((row[:place] >= ALIKE) & stays[:place])
            closest = candidates[np.argsort(-row[candidates], kind="stable")][:_CLOSEST]
            others = [with_images[other] for other in closest.tolist()]
            twin = next(
                filter(None, (_compare_pairs(items[with_images[place]], items[other], other) for other in others)), None
            )
            if twin is not None:
                twins[with_images[place]] = twin
                stays[place] = False
    return twins


def _compare_pairs(row: ComparableItem, other: ComparableItem, number: int) -> NearDuplicate | None:
    text = similarity(row.text.words, other.text.words, NEAR_WORDS)
    if not text or len(row.images) != len(other.images):
        return None
    if _show_equal_images(row, other) and _content_words(row) != _content_words(other):
        return None
    prints = [np.stack([image.grey for image in item.images]) for item in (row, other)]
    worst = float(image_fingerprints.agreement(*prints).min())
    return NearDuplicate(number, text, worst) if worst >= EQUAL_IMAGE else None


def _show_equal_images(row: ComparableItem, other: ComparableItem) -> bool:
    return all(
        (one.width, one.height) == (two.width, two.height) and np.array_equal(one.grey, two.grey)
        for one, two in zip(row.images, other.images, strict=True)
    )


def _content_words(item: ComparableItem) -> list[str]:
    return [word for word in item.text.words if word not in FUNCTION_WORDS]


Reasons = dict[int, tuple[str, str]]
"""{index of a row: (reason, evidence)}."""


def _find_equal(samples: StageOutput) -> tuple[Reasons, list[bytes]]:
    """Returns the equal copies, and for each row the hash of answer and numbers, which its near copies share."""
    first: dict[bytes, tuple[str, str]] = {}
    reasons: Reasons = {}
    blocks: list[bytes] = []
    for number, sample in enumerate(samples):
        images = ",".join(sorted({image.sha256 for image in sample.images}))
        key = _digest(images, " ".join(sample.question.split()))
        twin, answer = first.setdefault(key, (sample.id, sample.gold.text))
        if twin != sample.id:
            what = "duplicate" if answer == sample.gold.text else "duplicate with another gold"
            reasons[number] = what, twin
        item = ComparableItem.of(sample.id, sample.question, sample.gold, ())
        blocks.append(_digest(*item.answer, "|", *item.text.numbers)[:8])
    return reasons, blocks


def _find_near(samples: StageOutput, build_item: ItemBuilder, equal: Reasons, blocks: list[bytes]) -> Reasons:
    """Returns the near copies among the rows that are not equal copies."""
    sizes = Counter(block for number, block in enumerate(blocks) if number not in equal)
    members: dict[bytes, list[tuple[int, ComparableItem]]] = {}
    for number, sample in enumerate(samples):
        if number not in equal and sizes[blocks[number]] > 1:
            members.setdefault(blocks[number], []).append((number, build_item(sample)))
    reasons: Reasons = {}
    for block in members.values():
        items = [item for _, item in block]
        for number, twin in find_near_duplicates(items).items():
            evidence = format_evidence(items[twin.number].id, twin.text, twin.image)
            reasons[block[number][0]] = "near duplicate", evidence
    return reasons


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).digest()
