"""A run's whole log: launches in order, later ones winning, under names that do not depend on who wrote it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmk12.errors import MissingData, MissingExtra
from mmk12.runlog.rollouts import read_responses, summarize_steps
from mmk12.types import BrokenLine
from mmk12.utils import storage

if TYPE_CHECKING:
    import pandas as pd


# What frameworks call the same quantity. Columns that nobody here knows keep their own name.


COLUMNS = {
    "reward": ("critic/score/mean", "critic/rewards/mean", "train/reward"),
    "accuracy": ("reward/acc/mean", "train/accuracy_reward", "train/accuracy_rewards", "train/acc_reward"),
    "format": ("reward/format/mean", "train/format_reward", "train/format_rewards"),
    "length": ("response_length/mean", "reward/length/mean", "train/response_length"),
    "truncated": ("reward/truncated/mean", "response_length/clip_ratio", "train/response_clip_ratio"),
    "no_answer": ("reward/no_answer/mean",),
    "timeout": ("reward/timeout/mean",),
    "all_right": ("reward/prompts/all_right",),
    "all_wrong": ("reward/prompts/all_wrong",),
    "entropy": ("actor/entropy", "actor/entropy_loss", "train/entropy"),
    "clip_fraction": ("actor/pg_clipfrac", "train/clip_ratio", "train/ppo_clip_ratio"),
    "kl": ("actor/kl_loss", "train/kl"),
    "update_kl": ("actor/ppo_kl", "train/ppo_kl"),
    "gradient_norm": ("actor/grad_norm", "train/actor_grad_norm"),
    "learning_rate": ("actor/lr", "train/actor_lr"),
    "seconds": ("timing_s/step", "perf/time_per_step", "train/timing/step"),
}
"""Our column -> the names it may have, best first. `kl` is from the model that training started from, `update_kl` from
the policy that sampled the step."""

VALIDATION = "validation/"
"""What columns begin with that were measured on held-out rows."""


def canonical_column(found: str, seen: frozenset[str]) -> str:
    """The column for the metric `found`, in a log that has the metrics `seen`."""
    for name, aliases in COLUMNS.items():
        if found in aliases:
            best = next(alias for alias in aliases if alias in seen)
            return name if found == best else found
    if found.startswith("val-core/") and found.endswith("/acc/mean@1"):
        return VALIDATION + "accuracy"
    return found


# Reads TensorBoard event files, which is all that runs of OpenRLHF and MM-Eureka leave behind.


PATTERN = "events.out.tfevents.*"


def read_events(folder: Path) -> Steps:
    """All scalars of the event files in `folder` (not below it). Raises `MissingExtra` without tensorboard."""
    try:
        from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator
    except ImportError:
        raise MissingExtra("Reading TensorBoard event files", "analysis") from None
    found = EventAccumulator(str(folder), size_guidance={SCALARS: 0})
    found.Reload()
    steps: dict[int, dict[str, float]] = {}
    skipped = 0
    for tag in found.Tags()["scalars"]:
        for event in found.Scalars(tag):
            if math.isfinite(event.value):
                steps.setdefault(int(event.step), {})[tag] = float(event.value)
            else:
                skipped += 1
    notes = (f"{folder.name}: {skipped} values are not finite and were left out",) if skipped else ()
    return Steps(dict(sorted(steps.items())), notes)


# Reads what a run logged step by step: verl's metrics file, or the console where nothing else was kept.


_CONSOLE = re.compile(r"\bstep:(\d{1,9}) - ")
_LONGEST = 200_000


@dataclass(frozen=True, slots=True)
class Steps:
    """Metrics by step in the order in which they were first logged, and what was odd about the file."""

    rows: Mapping[int, Mapping[str, float]]
    notes: tuple[str, ...]


def read_metrics(path: Path) -> Steps:
    """A file of verl's `file` logger: rows `{"step": …, "data": {…}}`."""
    return _collected(path.name, map(_row, storage.read_jsonl(path)))


def read_console(path: Path) -> Steps:
    """What verl's `console` logger printed: `step:1 - a:0.5 - b:2`, among anything else."""
    rows = []
    with open(path, "rb") as file:
        for line in file:
            text = line[:_LONGEST].decode("utf-8", "replace")
            found = _CONSOLE.search(text)
            if found:
                rows.append((int(found[1]), dict(_pairs(text[found.end() :]))))
    return _collected(path.name, rows)


def _pairs(text: str) -> Iterator[tuple[str, float]]:
    for part in text.split(" - "):
        name, _, value = part.strip().rpartition(":")
        try:
            number = float(value)
        except ValueError:
            continue
        if name and math.isfinite(number):
            yield name, number


def _row(row: Mapping[str, Any] | BrokenLine) -> tuple[int, dict[str, float]] | str:
    if isinstance(row, BrokenLine):
        return f"{row.where}: {row.reason}"
    step, data = row.get("step"), row.get("data")
    if not isinstance(step, int) or isinstance(step, bool) or step < 0 or not isinstance(data, dict):
        return "a row without step and data"
    return step, {name: float(value) for name, value in data.items() if _is_number(value)}


def _collected(name: str, rows: Iterable[tuple[int, dict[str, float]] | str]) -> Steps:
    steps: dict[int, dict[str, float]] = {}
    broken: list[str] = []
    repeated = backwards = 0
    last = -1
    for row in rows:
        if isinstance(row, str):
            broken.append(row)
            continue
        step, values = row
        repeated += step in steps
        backwards += step < last
        last = max(last, step)
        steps[step] = {**steps.get(step, {}), **values}  # verl logs a step in pieces: training, validation
    notes = []
    if broken:
        notes.append(f"{name}: {len(broken)} lines are no step, first {broken[0]}")
    if backwards:
        notes.append(f"{name}: {backwards} of {len(steps)} steps are out of order")
    if repeated:
        notes.append(f"{name}: {repeated} steps were logged more than once; later values win")
    return Steps(dict(sorted(steps.items())), tuple(notes))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


Rows = Mapping[int, Mapping[str, float]]
"""Metrics by step."""
_COUNTED = {"reward", "accuracy", "format", "length", "truncated", "all_right", "all_wrong"}
"""What the dumped responses can add to a log that lacks it; with all of it there, they need not be read."""


@dataclass(frozen=True, slots=True)
class RunLog:
    """`table` has a row per step (index `step`) and a float column per metric; `notes` say what was odd.

    `launches` is how many times the run was started.
    """

    name: str
    table: pd.DataFrame
    launches: int
    notes: tuple[str, ...]


def read_run(path: Path) -> RunLog:
    """The log of a run of ours, of a metrics file or console log of verl, or of a folder of TensorBoard events.

    Raises `MissingData` where there is none of these.
    """
    parts = _parts(path)
    if not parts:
        raise MissingData(
            f"{path} holds no training log: no attempts/*/metrics.jsonl, and it is no metrics file or console log "
            "of verl nor a folder of TensorBoard events."
        )
    steps: Rows = {}
    for part in parts:
        if part.rows:
            steps = _continued(steps, part.rows)
    notes = tuple(note for part in parts for note in part.notes)
    table = _table(_renamed(steps))
    if path.is_dir() and not set(table.columns) >= _COUNTED:
        counted = read_responses(path / "rollouts")
        table = table.combine_first(summarize_steps(counted.table).reindex(table.index))
        notes += counted.notes
    return RunLog(path.name, table, len(parts), notes)


def _continued(before: Rows, launch: Rows) -> Rows:
    """The log after one more launch, which made all later steps of those before it void.

    A launch that validates before it trains logs the step of its checkpoint once more, without training metrics.
    """
    first = min(launch)
    kept = {step: row for step, row in before.items() if step <= first}
    return kept | {step: {**kept.get(step, {}), **row} for step, row in launch.items()}


def _parts(path: Path) -> list[Steps]:
    """What each launch logged, oldest first."""
    if path.is_file():
        return [read_metrics(path) if path.suffix == ".jsonl" else read_console(path)]
    launches = [_launch(folder) for folder in sorted((path / "attempts").glob("[0-9]*")) if folder.is_dir()]
    if launches:
        return [launch for launch in launches if launch is not None]
    alone = _launch(path)
    return [alone] if alone is not None else []


def _launch(folder: Path) -> Steps | None:
    if (folder / "metrics.jsonl").is_file():
        return read_metrics(folder / "metrics.jsonl")
    if any(folder.glob(PATTERN)):
        return read_events(folder)
    if (folder / "console.log").is_file():
        return read_console(folder / "console.log")
    return None


def _renamed(steps: Rows) -> dict[int, dict[str, float]]:
    seen = frozenset(name for row in steps.values() for name in row)
    names = {name: canonical_column(name, seen) for name in seen}
    return {step: {names[name]: value for name, value in row.items()} for step, row in steps.items()}


def _table(rows: Rows) -> pd.DataFrame:
    import pandas as pd

    table = pd.DataFrame.from_dict(dict(sorted(rows.items())), orient="index", dtype="float64")
    table = table.reindex(columns=sorted(table.columns))
    table.index.name = "step"
    return table
