"""The stage that samples a K12-500-style benchmark and removes it from the mixture.

Such a benchmark holds fill-in-the-blank questions with one figure and one answer that a rule can check. The sample is
proportional to grade, topic and type of answer, as far as they are known, and depends on seed and ids alone. Whatever
shares a figure with a sampled question leaves the mixture too, and so does whatever `decontaminate` would take for a
copy of one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from mmk12.curation.decontamination import find_copies
from mmk12.curation.sampling import rank, sample_evenly
from mmk12.curation.similarity import ItemBuilder, ItemIndex
from mmk12.curation.stage_cache import Outcome, StageOutput
from mmk12.errors import BadInput
from mmk12.types import IMAGE_MARK, DroppedSample, Sample
from mmk12.verifier import classify_gold

OFFICIAL = "official"
"""The source that stands for the published 500 questions, for which nothing is sampled."""
DRAWN = "drawn for the benchmark"
"""The reason of the drops that are the sampled rows."""
STRATA = ("grade", "topic", "answer_type")

_ONE_ANSWER = {
    "number",
    "numeric expression",
    "algebraic expression",
    "degrees",
    "number with unit",
    "tuple or interval",
    "equation",
    "inequality",
    "relation",
    "ratio or time",
}
"""The types of golds that are neither a list nor a letter nor words."""
_OPTIONS = re.compile(r"(?:^|[\s(（])A\s?[.)、．）].{0,400}?[\s(（]B\s?[.)、．）]", re.DOTALL)
_ROWS = 256
"""Rows that are compared with the benchmark at once."""


def benchmark(
    samples: StageOutput, *, build_item: ItemBuilder, source: str | None, size: int, seed: int
) -> Iterator[Outcome]:
    """Takes `size` questions of `source` out of the mixture, and all that would leak them; for None, all rows stay.

    Raises `BadInput` if the source has too few questions that are fit for a benchmark.
    """
    if source is None:
        yield from samples
        return
    salt = f"benchmark/{seed}"
    fit = (sample for sample in samples if sample.source == source and is_fill_in_the_blank(sample))
    pool = _drop_repeats(fit, salt, build_item)
    if len(pool) < size:
        raise BadInput(
            f"data.benchmark: {len(pool)} different questions of the source '{source}' are fit for a benchmark, "
            f"not {size}. Ask for a smaller size."
        )
    chosen = sample_evenly({one.id: " · ".join(stratify(one).values()) for one in pool}, size, salt)
    yield from _remove_leaks(samples, [one for one in pool if one.id in chosen], build_item)


def is_fill_in_the_blank(sample: Sample) -> bool:
    """Whether K12-500 could hold such a question: one figure in front, no options, one answer."""
    body = sample.question.removeprefix(IMAGE_MARK)
    has_figure = len(sample.images) == 1 and body != sample.question
    has_options = sample.gold.choices or _OPTIONS.search(body)
    return has_figure and not has_options and classify_gold(sample.gold).type in _ONE_ANSWER


def stratify(sample: Sample) -> dict[str, str]:
    """Returns the values of `STRATA` that are known of a question, by name."""
    known = {**sample.tags, "answer_type": classify_gold(sample.gold).type}
    return {name: str(known[name]) for name in STRATA if name in known}


def _drop_repeats(samples: Iterable[Sample], salt: str, build_item: ItemBuilder) -> list[Sample]:
    """Keeps one of the questions that share a figure, or a text where texts tell questions apart."""
    seen: set[str] = set()
    kept = []
    for sample in sorted(samples, key=lambda one: rank(one.id, salt)):
        text = () if build_item.is_template(sample) else (" ".join(sample.question.split()),)
        keys = {sample.images[0].sha256, *text}
        if seen.isdisjoint(keys):
            kept.append(sample)
        seen |= keys
    return kept


def _remove_leaks(samples: Iterable[Sample], drawn: list[Sample], build_item: ItemBuilder) -> Iterator[Outcome]:
    """Drops the rows of `drawn`, and those that leak one of them."""
    reference = ItemIndex([build_item(sample) for sample in drawn])
    chosen = {sample.id for sample in drawn}
    figures = {sample.images[0].sha256: sample.id for sample in drawn}
    rows = iter(samples)
    while batch := list(islice(rows, _ROWS)):
        items = [build_item(sample) for sample in batch]
        for sample, item, matches in zip(batch, items, reference.matches(items), strict=True):
            figure = next((figures[image.sha256] for image in sample.images if image.sha256 in figures), None)
            copies = find_copies(item, reference.items, matches, build_item.is_template(sample))
            if sample.id in chosen:
                yield _drop(sample, DRAWN, " · ".join(stratify(sample).values()))
            elif figure is not None:
                yield _drop(sample, "has a figure of the benchmark", figure)
            elif copies:
                yield _drop(sample, f"copies a question of the benchmark ({copies[0].by})", str(copies[0]))
            else:
                yield sample


def _drop(sample: Sample, reason: str, evidence: str) -> DroppedSample:
    return DroppedSample(sample.id, sample.source, "benchmark", reason, evidence)
