"""The stages that need nothing but the rows and a few settings: plain text that fits, and a cap on a source's rows.

A stage is one function from samples to samples and drops, in their order. It may iterate over its samples more than
once; it must depend on nothing but them and its arguments.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping

from mmk12.curation.sampling import sample_ids
from mmk12.curation.stage_cache import Outcome, StageOutput
from mmk12.types import DroppedSample, Sample

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\u200b]")
_RESERVED = re.compile(r"<video>|<audio>|<IMG_CONTEXT>|</?img>|<\|[^|<>\s]{1,40}\|>")
"""verl splits prompts at its own marks, and models read the others as special tokens: both crash a training step."""
_PLACEHOLDER = re.compile(r"(?<![A-Za-z\\{])NS?_\d{1,3}\b")
_MATHS = re.compile(r"\$[^$]*\$|\\\(.*?\\\)|\\\[.*?\\\]", re.DOTALL)
"""Texts of GeoQA's family have `N_0` where a number belongs; in mathematics `N_1` may be a name of its own."""


Measure = Callable[[Sample], int | None]
"""The length of a sample's prompt in tokens, image tokens included; None where it cannot be measured."""


def normalise(samples: StageOutput, *, longest: int = 0, measure: Measure | None = None) -> Iterator[Outcome]:
    """Brings text into one form (NFC, plain line ends, no control characters); drops what would break a prompt.

    A question with a placeholder of a tokenized text instead of its number has no answer, so it is dropped too. With
    `measure`, so is a prompt of more than `longest` tokens.
    """
    for sample in samples:
        question, gold = _to_plain_text(sample.question), _to_plain_text(sample.gold.text)
        reserved = _RESERVED.search(question)
        placeholder = _PLACEHOLDER.search(_MATHS.sub(" ", question)) if "_" in question else None
        if not _is_unicode(f"{sample.id}{question}{gold}{''.join(sample.gold.choices)}"):
            yield _drop(sample, "normalise", "not valid Unicode")
        elif reserved:
            yield _drop(sample, "normalise", "reserved mark in question", reserved[0])
        elif placeholder:
            yield _drop(sample, "normalise", "placeholder instead of a number", placeholder[0])
        else:
            plain = dataclasses.replace(sample, question=question, gold=dataclasses.replace(sample.gold, text=gold))
            length = measure(plain) if measure is not None else None
            if length is not None and length > longest:
                yield _drop(plain, "normalise", "prompt too long", f"{length} tokens, max_prompt is {longest}")
            else:
                yield plain


def cap(samples: StageOutput, *, caps: Mapping[str, int], seed: int) -> Iterator[Outcome]:
    """Keeps at most `caps[source]` rows of a source, drawn by seed and id."""
    chosen: dict[str, frozenset[str]] = {}
    for source, most in caps.items():
        ids = (sample.id for sample in samples if sample.source == source)
        chosen[source] = sample_ids(ids, most, f"cap/{seed}")
    for sample in samples:
        if sample.source not in chosen or sample.id in chosen[sample.source]:
            yield sample
        else:
            yield _drop(sample, "cap", "over the recipe's cap", f"{caps[sample.source]} rows of {sample.source}")


def _drop(sample: Sample, stage: str, reason: str, evidence: str = "") -> DroppedSample:
    return DroppedSample(sample.id, sample.source, stage, reason, evidence)


def _to_plain_text(text: str) -> str:
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(_CONTROL.sub("", line).rstrip() for line in lines).strip()


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
