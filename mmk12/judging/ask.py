"""Asks a judge about the responses of a finished evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mmk12 import storage
from mmk12.evaluation import Evaluation
from mmk12.generate import Progress, silent
from mmk12.grade import grade
from mmk12.judging.judge import Judge, Question, ask
from mmk12.judging.prompt import VERSION, key, messages
from mmk12.run import Item, Run
from mmk12.types import Completion, Sample


def second_opinion(done: Evaluation, judge: Judge, progress: Progress = silent) -> Evaluation:
    """Asks `judge` about every response of a graded run, and writes everything that follows from it anew."""
    run = Run(done.folder)
    settings = run.settings()
    with storage.sole_writer(run.folder):
        items, completions = run.items(), run.completions()
        questions = _questions(judge.backend.fingerprint, items, completions)
        notes = ask(judge, run.folder, VERSION, questions, progress)
        results = grade(run, settings, items, completions)
    return replace(done, results=results, notes=(*done.notes, *notes))


def _questions(fingerprint: str, items: Sequence[Item], completions: Mapping[str, Completion]) -> Iterator[Question]:
    for item in items:
        for name in item.keys:
            completion, sample = completions.get(name), item.sample
            if completion is not None and isinstance(sample, Sample):
                about = (sample.question, sample.gold, completion.text)
                yield Question(key(fingerprint, *about), sample.id, completion.index, messages(*about))
