"""The filters of a build. A stage is one function from samples to samples and drops; adding one adds it to `STAGES`.

A stage may iterate over its samples more than once; it must not depend on anything but them and its context.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from collections.abc import Iterator
from itertools import chain, islice

from mmk12.curation.benchmark_split import benchmark
from mmk12.curation.context import Context, Stage
from mmk12.curation.decontamination import decontaminate
from mmk12.curation.deduplication import duplicates
from mmk12.curation.difficulty import difficulty
from mmk12.curation.sampling import sample_ids
from mmk12.curation.stage_cache import Outcome, StageOutput
from mmk12.datasets.gold_check import find_gold_fault, make_trials
from mmk12.types import DroppedSample, Sample
from mmk12.utils.concurrency import count_cores
from mmk12.verifier import verify_many

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\u200b]")
_RESERVED = re.compile(r"<video>|<audio>|<IMG_CONTEXT>|</?img>|<\|[^|<>\s]{1,40}\|>")
"""verl splits prompts at its own marks, and models read the others as special tokens: both crash a training step."""
_MANY = 2000
"""From so many rows on, it pays to start a process for each core."""


def normalise(samples: StageOutput, context: Context) -> Iterator[Outcome]:
    """One form of text (NFC, plain line ends, no control characters), and none that would break a prompt."""
    for sample in samples:
        question, gold = _to_plain_text(sample.question), _to_plain_text(sample.gold.text)
        reserved = _RESERVED.search(question)
        if not _is_unicode(f"{sample.id}{question}{gold}{''.join(sample.gold.choices)}"):
            yield _drop(sample, "normalise", "not valid Unicode")
        elif reserved:
            yield _drop(sample, "normalise", "reserved mark in question", reserved[0])
        else:
            yield dataclasses.replace(sample, question=question, gold=dataclasses.replace(sample.gold, text=gold))


def verifiable(samples: StageOutput, context: Context) -> Iterator[Outcome]:
    """Only golds that a rule can check, and that the rule tells from a near miss: see `mmk12.datasets.gold_check`.

    Letters as golds stay only where the recipe says so: three guesses of four are wrong, one is paid.
    """
    workers = count_cores() if len(samples) >= _MANY else 1
    rows = chain.from_iterable(make_trials(sample) for sample in samples)
    verdicts = verify_many(rows, profile=context.recipe.reward.profile, workers=workers)
    for sample in samples:
        found = find_gold_fault(
            sample.gold, list(islice(verdicts, len(make_trials(sample)))), context.recipe.data.letters
        )
        yield sample if found is None else _drop(sample, "verifiable", *found)


def cap(samples: StageOutput, context: Context) -> Iterator[Outcome]:
    """Keeps at most as many rows of a source as the recipe says, drawn by seed and id."""
    chosen: dict[str, frozenset[str]] = {}
    seed = context.recipe.data.seed
    for source, most in context.caps.items():
        ids = (sample.id for sample in samples if sample.source == source)
        chosen[source] = sample_ids(ids, most, f"cap/{seed}")
    for sample in samples:
        if sample.source not in chosen or sample.id in chosen[sample.source]:
            yield sample
        else:
            evidence = f"{context.caps[sample.source]} rows of {sample.source}"
            yield _drop(sample, "cap", "over the recipe's cap", evidence)


STAGES: tuple[Stage, ...] = (normalise, verifiable, duplicates, decontaminate, benchmark, difficulty, cap)


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
