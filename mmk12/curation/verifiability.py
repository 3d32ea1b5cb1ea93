"""The stage that keeps golds which a rule can check.

It stands apart from `filters.py`, so that a change of the verifier redoes this stage and what follows, not the stages
before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

from mmk12.curation.stage_cache import Outcome, StageOutput
from mmk12.datasets.gold_check import find_gold_fault, make_trials
from mmk12.types import DroppedSample
from mmk12.utils.concurrency import count_cores
from mmk12.verifier import verify_many

_PARALLEL_FROM = 2000
"""The number of rows from which it pays to start a process for each core."""


def verifiable(samples: StageOutput, *, reward: str, letters: bool) -> Iterator[Outcome]:
    """Drops golds that the verifier profile `reward` cannot grade, or cannot tell from a near miss.

    Golds that are option letters stay only if `letters` is true, because a random guess among four options is right in
    25 % of the cases. The tests that a gold must pass are those of `mmk12.datasets.gold_check`.
    """
    workers = count_cores() if len(samples) >= _PARALLEL_FROM else 1
    rows = chain.from_iterable(make_trials(sample) for sample in samples)
    verdicts = verify_many(rows, profile=reward, workers=workers)
    for sample in samples:
        fault = find_gold_fault(sample.gold, list(islice(verdicts, len(make_trials(sample)))), letters)
        yield sample if fault is None else DroppedSample(sample.id, sample.source, "verifiable", *fault)
