"""Finds pairs of questions with similar words, similar images, or both.

Words are normalised first: typesetting, options and instructions are removed. MinHash over words and pairs of words
(datasketch) in bands proposes pairs of similar texts, a full comparison (rapidfuzz) decides. Images are compared by
`mmk12.curation.image_fingerprints`. The stages in
`deduplication.py` and `decontamination.py` decide which matches are dropped.
"""

from __future__ import annotations

import re
import sys
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from datasketch import MinHash
from rapidfuzz.distance import Indel

from mmk12.curation import image_fingerprints
from mmk12.datasets.declarations import ORIGIN
from mmk12.datasets.options import find_options
from mmk12.types import IMAGE_MARK, Gold, Sample

MAX_CHARACTERS, MAX_WORDS = 20_000, 1_000
"""The rest of a longer text is not compared: real questions are far shorter, and this bounds hostile ones."""

_INSTRUCTION = re.compile(r"\A\s*(?:Hint|Please)\b.{0,600}?\bQuestion\s?:", re.DOTALL)
_OPTIONS = re.compile(
    r"(?:^|\n)\s{0,9}(?:Choices|Options)\s?:|(?:^|[\s(（])A\s?[.)、．:：）].{0,400}?[\s(（]B\s?[.)、．:：）]", re.DOTALL
)
_UNIT = re.compile(r"\(Unit:[^()\n]{0,40}\)")
_WORD = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\\?[a-z]+|[^\W\d_]|[-+<>=]")
_SPELLED = str.maketrans(
    {
        "∠": " angle ",
        "∡": " angle ",
        "△": " triangle ",
        "▵": " triangle ",
        "Δ": " triangle ",
        "∆": " triangle ",
        "⊙": " circle ",
        "⊥": " perp ",
        "∥": " parallel ",
        "≌": " cong ",
        "≅": " cong ",
        "∽": " sim ",
        "√": " sqrt ",
        "π": " pi ",
        "×": " times ",
        "÷": " div ",
        "≤": " le ",
        "≥": " ge ",
        "≠": " ne ",
        "∞": " infty ",
        "−": "-",
        "–": "-",
    }
)
_ALIASES = {
    "measuredangle": "angle",
    "delta": "triangle",
    "vartriangle": "triangle",
    "odot": "circle",
    "bot": "perp",
    "dfrac": "frac",
    "tfrac": "frac",
    "cfrac": "frac",
    "leq": "le",
    "leqslant": "le",
    "geq": "ge",
    "geqslant": "ge",
    "neq": "ne",
}
_LAYOUT = {
    *(r"\left", r"\right", r"\big", r"\bigl", r"\bigr", r"\limits", r"\displaystyle", r"\quad", r"\qquad", r"\hspace"),
    *(r"\text", r"\textbf", r"\mathrm", r"\mathbf", r"\mathit", r"\rm", r"\bf", r"\it", r"\mbox", r"\overline"),
    *(r"\begin", r"\end", r"\cdot", r"\circ", r"\degree", "degree", "degrees"),
}
"""Commands that only set type, and the degree, which one copy of a question prints and another does not."""


@dataclass(frozen=True, slots=True)
class NormalizedText:
    """The words of a text in order, and its numbers, sorted: texts with other numbers are other questions."""

    words: tuple[str, ...]
    numbers: tuple[str, ...]


def normalize_text(question: str) -> NormalizedText:
    """Returns the words of a question, without image marks, options, leading instructions and the trailing unit."""
    text = question[:MAX_CHARACTERS].replace(IMAGE_MARK, " ")
    text = _INSTRUCTION.sub("", text, count=1)
    options = _OPTIONS.search(text)
    words = _words(text[: options.start()] if options else text)
    # A question that consists of its options alone is compared by them.
    return _text(words or _words(text))


def normalize_answer(gold: Gold, question: str = "") -> NormalizedText:
    """Returns the words of a gold; for a letter those of its option, so that the order of options does not matter."""
    text = gold.text.strip("$ .()")
    if gold.kind == "choice" and len(text) == 1:
        options = gold.choices or find_options(question[:MAX_CHARACTERS])
        number = ord(text.upper()) - ord("A")
        text = options[number] if 0 <= number < len(options) else text
    return _text(_words(text[:MAX_CHARACTERS]))


def _text(words: tuple[str, ...]) -> NormalizedText:
    return NormalizedText(words, tuple(sorted(word for word in words if word[0].isdecimal())))


def _words(text: str) -> tuple[str, ...]:
    plain = unicodedata.normalize("NFKC", _UNIT.sub(" ", text).translate(_SPELLED)).lower()
    words: list[str] = []
    for match in _WORD.finditer(plain):
        word = match[0]
        if word in _LAYOUT:
            continue
        word = word.removeprefix("\\")
        words.append(sys.intern(_number(word) if word[0].isdecimal() else _ALIASES.get(word, word)))
        if len(words) == MAX_WORDS:
            break
    return tuple(words)


def _number(word: str) -> str:
    """Returns a number in one form: `1200` for `1,200.0`."""
    whole, _, decimals = word.replace(",", "").partition(".")
    return f"{whole}.{decimals}" if decimals.strip("0") else whole


Words = tuple[str, ...]

_HASHES, _BAND = 96, 3
"""Hashes per text, and hashes per band. Texts that share half of their words and pairs are missed in 1 % of cases."""
_SEED = 1
_MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)


def similarity(left: Words, right: Words, least: float) -> float:
    """Returns the share of words that two texts have in common, in order (Indel similarity); 0 below `least`."""
    if left == right:
        return 1.0
    return float(Indel.normalized_similarity(left, right, score_cutoff=least))


class MinHashIndex:
    """An index of texts by the bands of their MinHash signatures. Equal texts are stored once."""

    def __init__(self, texts: Sequence[Words]) -> None:
        self._holders: dict[Words, list[int]] = _places(texts)
        self._distinct = [text for text in self._holders if text]
        bands = _bands(self._distinct)
        self._order = np.argsort(bands, axis=1, kind="stable")
        self._sorted = np.take_along_axis(bands, self._order, axis=1)

    def near(self, texts: Sequence[Words], least: float) -> dict[tuple[int, int], float]:
        """Returns the similarity of the pairs (index in `texts`, index in this index) that have at least `least`."""
        places = _places(texts)
        pairs: dict[tuple[int, int], float] = {}
        distinct = [text for text in places if text]
        for text, candidates in zip(distinct, self._candidates(distinct), strict=True):
            for other in candidates:
                value = similarity(text, other, least)
                if value:
                    pairs.update({(row, item): value for row in places[text] for item in self._holders[other]})
        return pairs

    def _candidates(self, texts: Sequence[Words]) -> Iterator[list[Words]]:
        bands = _bands(texts)
        low = [np.searchsorted(ours, theirs, "left") for ours, theirs in zip(self._sorted, bands, strict=True)]
        high = [np.searchsorted(ours, theirs, "right") for ours, theirs in zip(self._sorted, bands, strict=True)]
        for number in range(len(texts)):
            runs = [order[a[number] : b[number]] for order, a, b in zip(self._order, low, high, strict=True)]
            yield [self._distinct[other] for other in np.unique(np.concatenate(runs))]


def _places(texts: Sequence[Words]) -> dict[Words, list[int]]:
    places: dict[Words, list[int]] = {}
    for number, text in enumerate(texts):
        places.setdefault(text, []).append(number)
    return places


def _bands(texts: Sequence[Words]) -> npt.NDArray[np.uint64]:
    """Returns the hashes of the bands, (bands, texts): texts with an equal number in one row are candidates."""
    grams = ([gram.encode("utf-8", "replace") for gram in _grams(text)] for text in texts)
    hashed = MinHash.generator(grams, num_perm=_HASHES, seed=_SEED, hashfunc=zlib.crc32)
    signatures = np.array([minhash.hashvalues for minhash in hashed], dtype=np.uint64).reshape(
        -1, _HASHES // _BAND, _BAND
    )
    mixed = signatures * np.array(_MIX, dtype=np.uint64)
    return np.ascontiguousarray(np.bitwise_xor.reduce(mixed, axis=2).T)


def _grams(words: Words) -> set[str]:
    return {*words, *map(" ".join, pairwise(words))}


NEAR_TEXT = 0.7
"""Similarity of words from which two texts count as one: a fifth of the words may be replaced, with a margin."""
SAME_IMAGE = 0.88
"""Worst local agreement from which two images count as one."""
EQUAL_IMAGE = 0.93
"""The same for figures drawn to one pattern: JPEG at quality 30 leaves 0.94 on a 112 x 112 figure, and another number
in one of its labels at most 0.92."""
ALIKE = 0.95
"""Correlation from which images are compared in detail."""
CROPPED = 0.93
"""Correlation after cropping from which one image is a part of another. Counts only together with similar words."""

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class ImageFingerprint:
    """The size of an image in pixels, and its fingerprint, 48 x 48."""

    width: int
    height: int
    grey: image_fingerprints.Grey


@dataclass(frozen=True, slots=True, eq=False)
class ComparableItem:
    """A question in the form in which it is compared: normalised words and answer, and fingerprints of its images.

    `has_figure` tells whether it has a figure at all, readable or not.
    """

    id: str
    text: NormalizedText
    answer: tuple[str, ...]
    images: tuple[ImageFingerprint, ...]
    has_figure: bool

    @classmethod
    def of(
        cls, name: str, question: str, gold: Gold, images: Sequence[ImageFingerprint], lost: bool = False
    ) -> ComparableItem:
        """Returns the item of a question; blank images are left out. `lost`: some of its images could not be read."""
        visible = tuple(image for image in images if not image_fingerprints.is_blank(image.grey))
        answer = normalize_answer(gold, question).words
        return cls(name, normalize_text(question), answer, visible, bool(visible) or lost)


class ItemBuilder:
    """Turns samples into comparable items, by the fingerprints of their images that loading has left in `folder`.

    `templates` names the sources whose questions are made from templates, so that equal words on another image are
    another question.
    """

    def __init__(self, folder: Path, templates: Collection[str] = ()) -> None:
        self._folder = folder
        self._templates = frozenset(templates)

    def __call__(self, sample: Sample) -> ComparableItem:
        """Returns the comparable item of a sample. Raises `KeyError` for an image that was never loaded."""
        images = [ImageFingerprint(image.width, image.height, self._index[image]) for image in sample.images]
        return ComparableItem.of(sample.id, sample.question, sample.gold, images)

    def is_template(self, sample: Sample) -> bool:
        """Whether a sample is of a template source. A row of a published mixture counts for its source of origin."""
        return str(sample.tags.get(ORIGIN, sample.source)) in self._templates

    @cached_property
    def _index(self) -> image_fingerprints.FingerprintIndex:
        return image_fingerprints.FingerprintIndex(sorted(self._folder.glob(f"*{image_fingerprints.ENDING}")))


class Match(NamedTuple):
    """How similar two questions are.

    `text` and `image` are from 0 to 1, and 0 below their thresholds; `part` says that one image is the other one,
    scaled or cropped.
    """

    text: float = 0.0
    image: float = 0.0
    part: bool = False


def format_evidence(name: str, text: float, image: float) -> str:
    """Returns the evidence of a drop: the question that the row is a copy of, and how similar text and image are."""
    parts = [f"{what} {value:.2f}" for what, value in (("text", text), ("image", image)) if value]
    return f"{name} ({', '.join(parts)})"


class ItemIndex:
    """An index of questions that others are compared with."""

    def __init__(self, items: Sequence[ComparableItem]) -> None:
        self.items = items
        self._texts = MinHashIndex([item.text.words for item in items])
        self._images = _ImageIndex(items)

    def matches(self, rows: Sequence[ComparableItem]) -> list[dict[int, Match]]:
        """Returns the matches of each of `rows`, {index in `items`: match}. Some hundred rows at a time are fastest."""
        by_image = self._images.same(rows)
        texts = self._texts.near([row.text.words for row in rows], NEAR_TEXT)
        result: list[dict[int, Match]] = [{} for _ in rows]
        for row, item in sorted(by_image.keys() | texts.keys()):
            text, image = texts.get((row, item), 0.0), by_image.get((row, item), 0.0)
            part = text > 0 and image < EQUAL_IMAGE and is_part(self.items[item], rows[row])
            result[row][item] = Match(text, image, part)
        return result


def is_part(whole: ComparableItem, part: ComparableItem) -> bool:
    """Whether an image of `part` is one of `whole` in another size: scaled, or cropped by up to 5 % on each side."""
    return any(
        image_fingerprints.crop_fingerprint(one.grey, other.grey) >= CROPPED
        for one in whole.images
        for other in part.images
        if (one.width, one.height) != (other.width, other.height)
    )


class _ImageIndex:
    """An index of the images of questions, for comparison with many others at once."""

    def __init__(self, items: Sequence[ComparableItem]) -> None:
        self._owners, self._prints = _stack_images(items)
        self._coarse = image_fingerprints.downscale(self._prints)

    def same(self, rows: Sequence[ComparableItem]) -> dict[Pair, float]:
        """Returns the agreement of the pairs (index in `rows`, index in this index) with an image in common."""
        owners, prints = _stack_images(rows)
        mine, theirs = np.nonzero(
            image_fingerprints.correlation(image_fingerprints.downscale(prints), self._coarse) >= ALIKE
        )
        best: dict[Pair, float] = defaultdict(float)
        for start in range(0, len(mine), 256):  # the detailed comparison needs 50 kB per pair
            pairs = slice(start, start + 256)
            worst = image_fingerprints.agreement(prints[mine[pairs]], self._prints[theirs[pairs]])
            for row, item, value in zip(owners[mine[pairs]], self._owners[theirs[pairs]], worst, strict=True):
                if value >= SAME_IMAGE:
                    best[int(row), int(item)] = max(best[int(row), int(item)], float(value))
        return best


def _stack_images(items: Sequence[ComparableItem]) -> tuple[npt.NDArray[np.int64], image_fingerprints.Grey]:
    """Returns the index of the item that each image belongs to, (n,), and all fingerprints, (n, 48, 48)."""
    owners = [number for number, item in enumerate(items) for _ in item.images]
    prints = [image.grey for item in items for image in item.images]
    shape = (len(prints), image_fingerprints.SIDE, image_fingerprints.SIDE)
    return np.array(owners, dtype=np.int64), np.array(prints, dtype=np.uint8).reshape(shape)
