"""A judge's opinion of what the rules found: is it a second thought, or only its words?

The rules flag responses by the hundred thousand, and a few hundred opinions say how often they are right; so the judge
is asked about a sample of each kind, drawn by the hash of a response's place: the same each time, and as the run grows.
The record lies in the folder `aha` of the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mmk12 import stats, storage
from mmk12.aha.choosing import chosen
from mmk12.aha.phrases import KINDS
from mmk12.aha.question import VERSION, candidate, key, messages
from mmk12.aha.scanning import scan
from mmk12.errors import BadInput
from mmk12.generate import Progress, silent
from mmk12.judging.judge import Judge, Question, Record, ask, record
from mmk12.runlog.rollouts import Place, rows_at

if TYPE_CHECKING:
    import pandas as pd

FOLDER = "aha"


class Agreement(NamedTuple):
    """Of one kind: how many responses have it by the rules, and what the judge said of those drawn.

    `share` is that of genuine ones among `yes + no`, with its 95 % interval; None if there is no verdict.
    """

    kind: str
    found: int
    yes: int
    no: int
    none: int
    share: float | None
    interval: stats.Interval


class Opinions:
    """What the judge of a run's second thoughts said; made by `of`."""

    def __init__(self, kept: Record) -> None:
        self._record = kept

    @classmethod
    def of(cls, run: Path) -> Opinions | None:
        """The opinions kept in a run folder; None if no judge was ever asked in these words. Raises `BadInput`."""
        found = record(run / FOLDER, VERSION)
        if found is not None and not isinstance(found.about.get("per_kind"), int):
            raise BadInput(f"{run / FOLDER / 'judge.json'} is not what mmk12 aha writes. Ask again with --judge.")
        return cls(found) if found else None

    @property
    def model(self) -> str:
        """The judge's name."""
        return str(self._record.about["model"])

    def said(self, kind: str, row: Mapping[str, Any]) -> bool | None:
        """Whether the second thought of that kind in a row of a dump is genuine; None for no verdict."""
        return self._record.opinions.get(key(self._record.fingerprint, candidate(kind, row)))

    def agreements(self, run: Path, table: pd.DataFrame) -> list[Agreement]:
        """How often the judge agrees with the rules, by kind. `table` is what `scan` returns."""
        places = drawn(table, self._record.about["per_kind"])
        rows = rows_at(run / "rollouts", {place for some in places.values() for place in some})
        return [self._agreement(kind, int(table[kind].sum()), some, rows) for kind, some in places.items()]

    def _agreement(
        self, kind: str, found: int, places: Mapping[Place, int], rows: Mapping[Place, dict[str, Any]]
    ) -> Agreement:
        verdicts = [(self.said(kind, rows[place]), prompt) for place, prompt in places.items()]
        scores = [float(said) for said, _ in verdicts if said is not None]
        interval = stats.mean_interval(scores, [prompt for said, prompt in verdicts if said is not None])
        yes = round(sum(scores))
        share = yes / len(scores) if scores else None
        return Agreement(kind, found, yes, len(scores) - yes, len(verdicts) - len(scores), share, interval)


def second_opinion(run: Path, judge: Judge, *, per_kind: int, progress: Progress = silent) -> list[str]:
    """Asks `judge` about `per_kind` responses of each kind and the examples; what went wrong comes back in words."""
    table = scan(run)
    examples = [(one.step, one.row) for one in chosen(table)]
    wanted = [(kind, place) for kind, some in drawn(table, per_kind).items() for place in some]
    wanted += [(kind, place) for place in examples for kind in _kinds(table, place)]
    rows = rows_at(run / "rollouts", {place for _, place in wanted})
    questions = _questions(judge.backend.fingerprint, wanted, rows)
    with storage.sole_writer(run / FOLDER):
        return ask(judge, run / FOLDER, VERSION, questions, progress, per_kind=per_kind)


def drawn(table: pd.DataFrame, per_kind: int) -> dict[str, dict[Place, int]]:
    """For each kind, at most `per_kind` of the responses that have it: where they lie, and which prompt they answer."""
    import pandas as pd

    places = table["step"].to_numpy("uint64") << 32 | table["row"].to_numpy("uint64")
    order = pd.Series(pd.util.hash_array(places), table.index)
    found = {}
    for kind in KINDS:
        some = table.loc[order[table[kind]].nsmallest(per_kind).index, ["step", "row", "prompt"]]
        found[kind] = {(step, row): prompt for step, row, prompt in some.itertuples(index=False)}
    return found


def _kinds(table: pd.DataFrame, place: Place) -> Sequence[str]:
    here = table[(table["step"] == place[0]) & (table["row"] == place[1])]
    return [kind for kind in KINDS if here[kind].any()]


def _questions(
    fingerprint: str, wanted: Iterable[tuple[str, Place]], rows: Mapping[Place, dict[str, Any]]
) -> Iterator[Question]:
    for kind, (step, row) in wanted:
        one = candidate(kind, rows[step, row])
        yield Question(key(fingerprint, one), str(rows[step, row].get("id") or f"step {step}"), row, messages(one))
