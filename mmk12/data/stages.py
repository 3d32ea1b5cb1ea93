"""The filters of a build. A stage is one function from samples to samples and drops; adding one adds it to `STAGES`.

A stage may iterate over its samples more than once; it must not depend on anything but them and its context.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from mmk12.data.draw import drawn
from mmk12.data.outcomes import Outcome, Outcomes
from mmk12.data.verifiable import check
from mmk12.images import ImageStore
from mmk12.recipe import Recipe
from mmk12.types import Dropped, Sample

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\u200b]")
_RESERVED = re.compile(r"<video>|<audio>|<IMG_CONTEXT>|</?img>|<\|[^|<>\s]{1,40}\|>")
"""verl splits prompts at its own marks, and models read the others as special tokens: both crash a training step."""


@dataclass(frozen=True, slots=True)
class Context:
    """What stages may look at beside the samples."""

    recipe: Recipe
    caps: Mapping[str, int]
    images: ImageStore


Stage = Callable[[Outcomes, Context], Iterator[Outcome]]


def normalise(samples: Outcomes, context: Context) -> Iterator[Outcome]:
    """One form of text (NFC, plain line ends, no control characters), and none that would break a prompt."""
    for sample in samples:
        question, gold = _plain(sample.question), _plain(sample.gold.text)
        reserved = _RESERVED.search(question)
        if not _is_unicode(f"{sample.id}{question}{gold}{''.join(sample.gold.choices)}"):
            yield _drop(sample, "normalise", "not valid Unicode")
        elif reserved:
            yield _drop(sample, "normalise", "reserved mark in question", reserved[0])
        else:
            yield dataclasses.replace(sample, question=question, gold=dataclasses.replace(sample.gold, text=gold))


def verifiable(samples: Outcomes, context: Context) -> Iterator[Outcome]:
    """Only golds that a rule can check, and that the rule tells from a near miss: see `mmk12.data.verifiable`."""
    for sample in samples:
        fault = check(sample, context.recipe.profile.reward)
        yield sample if fault is None else _drop(sample, "verifiable", *fault)


def duplicates(samples: Outcomes, context: Context) -> Iterator[Outcome]:
    """Drops a question that an earlier one equals in text (blanks aside) and in its set of pictures.

    The same figure with another question is no duplicate, nor is a template question on another figure. The
    evidence is the id of the twin that stays.
    """
    first: dict[bytes, Sample] = {}
    for sample in samples:
        pictures = ",".join(sorted({image.sha256 for image in sample.images}))
        key = hashlib.sha256(f"{pictures} {' '.join(sample.question.split())}".encode()).digest()
        twin = first.setdefault(key, sample)
        if twin is sample:
            yield sample
        else:
            same = twin.gold == sample.gold
            yield _drop(sample, "duplicates", "duplicate" if same else "duplicate with another gold", twin.id)


def cap(samples: Outcomes, context: Context) -> Iterator[Outcome]:
    """Keeps at most as many rows of a source as the recipe says, drawn by seed and id."""
    chosen: dict[str, frozenset[str]] = {}
    seed = context.recipe.data.seed
    for source, most in context.caps.items():
        ids = (sample.id for sample in samples if sample.source == source)
        chosen[source] = drawn(ids, most, f"cap/{seed}")
    for sample in samples:
        if sample.source not in chosen or sample.id in chosen[sample.source]:
            yield sample
        else:
            evidence = f"{context.caps[sample.source]} rows of {sample.source}"
            yield _drop(sample, "cap", "over the recipe's cap", evidence)


STAGES: tuple[Stage, ...] = (normalise, verifiable, duplicates, cap)


def _drop(sample: Sample, stage: str, reason: str, evidence: str = "") -> Dropped:
    return Dropped(sample.id, sample.source, stage, reason, evidence)


def _plain(text: str) -> str:
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_CONTROL.sub("", line).rstrip() for line in lines).strip()


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
