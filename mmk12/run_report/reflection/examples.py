"""The second thoughts worth reading, as they are shown: the response in pieces, the question, what a judge says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mmk12.run_report.reflection.judge import ReflectionOpinions
from mmk12.run_report.reflection.patterns import KINDS, find_reflections
from mmk12.run_report.reflection.scan import ChosenSpans, choose_spans
from mmk12.runlog.rollouts import read_rows_at
from mmk12.runlog.training_rows import TrainingRow, read_training_rows

if TYPE_CHECKING:
    import pandas as pd


class Piece(NamedTuple):
    """A part of a response; `kind` is empty for plain text."""

    text: str
    kind: str


class Example(NamedTuple):
    """A response in pieces, what was asked (None where the data folder does not tell), and what came of it.

    `said` is whether a judge takes each of its kinds for genuine (None: no verdict); empty if none was asked.
    """

    id: str
    step: int
    right: bool
    rate: float
    gold: str
    kinds: tuple[str, ...]
    said: Mapping[str, bool | None]
    pieces: tuple[Piece, ...]
    asked: TrainingRow | None


def find_examples(
    run: Path, table: pd.DataFrame, data: Path | None = None, judge: ReflectionOpinions | None = None
) -> list[Example]:
    """The chosen responses in pieces. `table` is what `scan` returns, `judge` what a judge said, if one was asked."""
    places = {(one.step, one.row): one for one in choose_spans(table)}
    rows = read_rows_at(run / "rollouts", places)
    asked = read_training_rows(run, {str(row["id"]) for row in rows.values() if row.get("id")}, data)
    return [_example(one, rows[place], asked, judge) for place, one in places.items()]


def _example(
    place: ChosenSpans, row: dict[str, Any], asked: Mapping[str, TrainingRow], judge: ReflectionOpinions | None
) -> Example:
    text = row["output"]
    found = find_reflections(text, row.get("input") or "")
    pieces, at = [], 0
    for moment in found:
        if moment.start >= at:
            pieces += [Piece(text[at : moment.start], ""), Piece(text[moment.start : moment.end], moment.kind)]
            at = moment.end
    kinds = tuple(kind for kind in KINDS if any(moment.kind == kind for moment in found))
    name = str(row.get("id") or "")
    said = {kind: judge.said(kind, row) for kind in kinds} if judge else {}
    shown = (*pieces, Piece(text[at:], ""))
    gold = row.get("gts") or ""
    return Example(name, place.step, place.right, place.rate, gold, kinds, said, shown, asked.get(name))
