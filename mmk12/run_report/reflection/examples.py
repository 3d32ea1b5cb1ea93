"""Makes the examples of the reflection page: responses with their reflections marked, question and gold."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from mmk12.run_report.reflection.patterns import KINDS, find_reflections
from mmk12.run_report.reflection.reflection_judge import ReflectionOpinions
from mmk12.run_report.reflection.scan import ChosenResponse, choose_examples
from mmk12.runlog.rollouts import Rollout, read_rollouts
from mmk12.runlog.training_rows import TrainingRow, read_training_rows
from mmk12.utils.rich_text import Marked


class Example(NamedTuple):
    """A response in parts, with its outcome.

    `opinions` says for each kind whether a judge takes it for genuine (None: no verdict); it is empty without a judge.
    `training_row` is None if the data folder does not have the sample.
    """

    id: str
    step: int
    right: bool
    rate: float
    gold: str
    kinds: tuple[str, ...]
    opinions: Mapping[str, bool | None]
    parts: tuple[str | Marked, ...]
    training_row: TrainingRow | None


def find_examples(
    run: Path, table: pd.DataFrame, data: Path | None = None, judge: ReflectionOpinions | None = None
) -> list[Example]:
    """Reads the chosen responses of a run. `table` is what `scan_run` returns, `data` the data folder if it moved."""
    chosen = {(one.step, one.row): one for one in choose_examples(table)}
    rollouts = read_rollouts(run / "rollouts", chosen)
    rows = read_training_rows(run, {rollout.id for rollout in rollouts.values() if rollout.id}, data)
    return [_make_example(one, rollouts[location], rows, judge) for location, one in chosen.items()]


def _make_example(
    chosen: ChosenResponse, rollout: Rollout, rows: Mapping[str, TrainingRow], judge: ReflectionOpinions | None
) -> Example:
    text = rollout.output
    spans = find_reflections(text, rollout.input)
    parts, end = list[str | Marked](), 0
    for span in spans:
        if span.start >= end:
            parts += [text[end : span.start], Marked(text[span.start : span.end], span.kind)]
            end = span.end
    kinds = tuple(kind for kind in KINDS if any(span.kind == kind for span in spans))
    return Example(
        id=rollout.id,
        step=chosen.step,
        right=chosen.right,
        rate=chosen.rate,
        gold=rollout.gold,
        kinds=kinds,
        opinions={kind: judge.opinion(kind, rollout) for kind in kinds} if judge else {},
        parts=(*parts, text[end:]),
        training_row=rows.get(rollout.id),
    )
