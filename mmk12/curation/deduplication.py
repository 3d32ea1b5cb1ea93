"""The stage that keeps one of several copies of a question.

Equal copies have the same text (blanks aside) and the same images. Near copies have the same answer and numbers,
nearly the same words and, image by image, nearly the same figures. The same words on another figure are kept, and so
is another question about the same figure: where the figures are equal, one other word makes another question ("share
rate", "comment rate"), except for articles and the like. The evidence of a drop is the id of the row that stays, and
how similar it is.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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

_CLOSEST = 32
"""The number of most similar figures that are compared in detail: a bound where thousands follow one pattern."""
_COMPARED = 256
"""The most rows with similar figures that one row is compared with."""
_FIGURES = 256
"""The number of figures that are compared with all others at once."""
_PART = 50_000
"""Rows that are compared at a time: with fingerprints and words they take 200 MB."""


class NearDuplicate(NamedTuple):
    """The row that stays instead of another one, and how similar it is; `image` is 0 for rows without images."""

    number: int
    text: float
    image: float


Reasons = dict[int, tuple[str, str]]
"""{index of a row: (reason, evidence)}."""


def duplicates(samples: StageOutput, *, build_item: ItemBuilder) -> Iterator[Outcome]:
    """Drops a question that an earlier one equals, or nearly equals, in text and images.

    Memory holds some 200 bytes for each row. Rows that may have near copies are read again, `_PART` at a time.
    """
    survey = _survey(samples)
    reasons = {**_find_equal(samples, survey), **_find_near(samples, build_item, survey)}
    for number, sample in enumerate(samples):
        reason = reasons.get(number)
        yield sample if reason is None else DroppedSample(sample.id, sample.source, "duplicates", *reason)


class _Survey(NamedTuple):
    """What one reading of the rows leaves, by row: its place, and the hash of answer and numbers.

    Near copies share that hash. `twins` is {index: index of the earlier row with equal text and images}.
    """

    places: npt.NDArray[np.int64]
    blocks: npt.NDArray[np.uint64]
    twins: dict[int, int]


def _survey(samples: StageOutput) -> _Survey:
    places, blocks = array("q"), array("Q")
    first: dict[bytes, int] = {}
    twins: dict[int, int] = {}
    for number, (place, sample) in enumerate(samples.located()):
        images = ",".join(sorted({image.sha256 for image in sample.images}))
        twin = first.setdefault(_digest(images, " ".join(sample.question.split()))[:16], number)
        if twin != number:
            twins[number] = twin
        item = ComparableItem.of(sample.id, sample.question, sample.gold, ())
        places.append(place)
        blocks.append(int.from_bytes(_digest(*item.answer, "|", *item.text.numbers)[:8], "big"))
    return _Survey(np.asarray(places, dtype=np.int64), np.asarray(blocks, dtype=np.uint64), twins)


def _find_equal(samples: StageOutput, survey: _Survey) -> Reasons:
    """Returns the equal copies, each with the id of the row that stays."""
    numbers = sorted({*survey.twins, *survey.twins.values()})
    rows = dict(zip(numbers, samples.read_at(int(survey.places[number]) for number in numbers), strict=True))
    reasons: Reasons = {}
    for number, twin in survey.twins.items():
        same_gold = rows[number].gold.text == rows[twin].gold.text
        reasons[number] = ("duplicate" if same_gold else "duplicate with another gold", rows[twin].id)
    return reasons


def _find_near(samples: StageOutput, build_item: ItemBuilder, survey: _Survey) -> Reasons:
    """Returns the near copies among the rows that are not equal copies."""
    reasons: Reasons = {}
    for part in _split_parts(survey):
        rows = samples.read_at(survey.places[part].tolist())
        members: dict[int, list[tuple[int, ComparableItem]]] = {}
        for number, sample in zip(part.tolist(), rows, strict=True):
            members.setdefault(int(survey.blocks[number]), []).append((number, build_item(sample)))
        for block in members.values():
            items = [item for _, item in block]
            for number, twin in find_near_duplicates(items).items():
                evidence = format_evidence(items[twin.number].id, twin.text, twin.image)
                reasons[block[number][0]] = "near duplicate", evidence
    return reasons


def _split_parts(survey: _Survey) -> Iterator[npt.NDArray[np.int64]]:
    """Yields the numbers of rows whose block has others, whole blocks at a time, `_PART` rows or one block in each."""
    distinct = np.ones(len(survey.blocks), dtype=bool)
    distinct[list(survey.twins)] = False
    numbers = np.flatnonzero(distinct)
    _, block, sizes = np.unique(survey.blocks[numbers], return_inverse=True, return_counts=True)
    shared = sizes > 1
    part_of_block = np.cumsum(np.where(shared, sizes, 0)) // _PART
    parts = np.where(shared[block], part_of_block[block], -1)
    for part in range(int(part_of_block[-1]) + 1 if len(sizes) else 0):
        yield numbers[parts == part]


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
    """Pairs rows by their figures: those with equal figures by their words, the others in detail.

    Rows with equal figures form a group, so thousands of questions about some figures cost no more than the figures.
    """
    group_of: dict[bytes, int] = {}
    groups = [group_of.setdefault(_figures_key(items[number]), len(group_of)) for number in with_images]
    examples = {group: number for number, group in zip(reversed(with_images), reversed(groups), strict=True)}
    alike = _find_alike([items[examples[group]] for group in range(len(group_of))])
    stays: list[list[int]] = [[] for _ in group_of]
    by_words: dict[tuple[int, tuple[str, ...]], int] = {}
    twins: dict[int, NearDuplicate] = {}
    for number, group in zip(with_images, groups, strict=True):
        own = by_words.setdefault((group, _content_words(items[number])), number)
        own = twins[own].number if own in twins else own
        others = [own] if own != number else []
        others += islice((other for near in alike[group] for other in stays[near]), _COMPARED)
        twin = next(filter(None, (_compare_pairs(items[number], items[other], other) for other in others)), None)
        if twin is None:
            stays[group].append(number)
        else:
            twins[number] = twin
    return twins


def _find_alike(items: Sequence[ComparableItem]) -> list[list[int]]:
    """Returns for each item, whose figures all differ, the others with a similar first figure, the closest first."""
    if len(items) < 2:
        return [[] for _ in items]
    coarse = image_fingerprints.downscale(np.array([item.images[0].grey for item in items], dtype=np.uint8))
    alike: list[list[int]] = []
    for start in range(0, len(items), _FIGURES):
        rows = image_fingerprints.correlation(coarse[start : start + _FIGURES], coarse)
        for place, row in enumerate(rows, start):
            candidates = np.flatnonzero(row >= ALIKE)
            candidates = candidates[candidates != place]
            alike.append(candidates[np.argsort(-row[candidates], kind="stable")][:_CLOSEST].tolist())
    return alike


def _compare_pairs(row: ComparableItem, other: ComparableItem, number: int) -> NearDuplicate | None:
    text = similarity(row.text.words, other.text.words, NEAR_WORDS)
    if not text or len(row.images) != len(other.images):
        return None
    prints = [np.stack([image.grey for image in item.images]) for item in (row, other)]
    worst = float(image_fingerprints.agreement(*prints).min())
    return NearDuplicate(number, text, worst) if worst >= EQUAL_IMAGE else None


def _figures_key(item: ComparableItem) -> bytes:
    """Returns a hash of the sizes and fingerprints of an item's figures: equal figures have equal ones."""
    hashed = hashlib.sha256()
    for image in item.images:
        hashed.update(b"%d %d " % (image.width, image.height) + image.grey.tobytes())
    return hashed.digest()[:16]


def _content_words(item: ComparableItem) -> tuple[str, ...]:
    return tuple(word for word in item.text.words if word not in FUNCTION_WORDS)


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).digest()
