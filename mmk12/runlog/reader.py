"""Reads the log of a training run into one table with a row per step.

Logs of verl (file or console logger) and TensorBoard events (OpenRLHF, MM-Eureka) are understood. Launches are merged
in order, a later one overriding the steps that it repeats, and columns get names that do not depend on the framework.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mmk12.errors import MissingData, MissingExtra
from mmk12.runlog.notes import LogNote
from mmk12.runlog.rollouts import read_responses, summarize_steps
from mmk12.types import BrokenLine
from mmk12.utils import storage

StepValues = Mapping[int, Mapping[str, float]]
"""Metrics by step."""


@dataclass(frozen=True, slots=True)
class Column:
    """A quantity that frameworks log under different names: our name, the label of its axis, and those names.

    Of several names in one log, the first in `aliases` is used; the others keep their own name.
    """

    name: str
    label: str
    aliases: tuple[str, ...] = ()


COLUMNS = (
    Column("reward", "reward", ("critic/score/mean", "critic/rewards/mean", "train/reward")),
    Column(
        "accuracy",
        "accuracy reward",
        ("reward/acc/mean", "train/accuracy_reward", "train/accuracy_rewards", "train/acc_reward"),
    ),
    Column("format", "format reward", ("reward/format/mean", "train/format_reward", "train/format_rewards")),
    Column(
        "length",
        "response length (tokens)",
        ("response_length/mean", "reward/length/mean", "train/response_length"),
    ),
    Column(
        "truncated",
        "truncated responses (share)",
        ("reward/truncated/mean", "response_length/clip_ratio", "train/response_clip_ratio"),
    ),
    Column("no_answer", "responses without answer (share)", ("reward/no_answer/mean",)),
    Column("timeout", "timeout", ("reward/timeout/mean",)),
    Column("all_right", "prompts, all right (share)", ("reward/prompts/all_right",)),
    Column("all_wrong", "prompts, all wrong (share)", ("reward/prompts/all_wrong",)),
    Column("entropy", "entropy (nats per token)", ("actor/entropy", "actor/entropy_loss", "train/entropy")),
    Column(
        "clip_fraction", "clipped tokens (share)", ("actor/pg_clipfrac", "train/clip_ratio", "train/ppo_clip_ratio")
    ),
    # `kl` is measured from the initial model, `update_kl` from the policy that sampled the step.
    Column("kl", "KL from the first model (nats per token)", ("actor/kl_loss", "train/kl")),
    Column("update_kl", "KL of an update (nats per token)", ("actor/ppo_kl", "train/ppo_kl")),
    Column("gradient_norm", "gradient norm", ("actor/grad_norm", "train/actor_grad_norm")),
    Column("learning_rate", "learning rate", ("actor/lr", "train/actor_lr")),
    Column("seconds", "time per step (s)", ("timing_s/step", "perf/time_per_step", "train/timing/step")),
    Column("validation/accuracy", "held-out accuracy"),
)
"""Columns with a name of ours. All others keep the name under which they were logged."""

_COUNTABLE = {"reward", "accuracy", "format", "length", "truncated", "all_right", "all_wrong"}
"""Columns that can be computed from the dumped responses. A log that has all of them needs no dumps."""


@dataclass(frozen=True, slots=True)
class RunLog:
    """The log of a run: its name, metrics, number of launches, and irregularities of its files.

    `table` has a row per step (index `step`, ascending) and a float64 column per metric, NaN where a step lacks it.
    """

    name: str
    table: pd.DataFrame
    launches: int
    notes: tuple[LogNote, ...]


def read_run(path: Path) -> RunLog:
    """Reads a run folder of `mmk12 train`, a metrics file or console log of verl, or a folder of TensorBoard events.

    Columns that the log lacks are computed from the dumped responses in `path/rollouts`, if there are any.
    Raises `MissingData` if `path` holds none of these, `MissingExtra` if reading events needs TensorBoard.
    """
    launches = _read_launches(path)
    if not launches:
        raise MissingData(
            f"{path} holds no training log: no attempts/*/metrics.jsonl, and it is no metrics file or console log "
            "of verl nor a folder of TensorBoard events."
        )
    steps: StepValues = {}
    for launch in launches:
        if launch.steps:
            steps = _merge_launch(steps, launch.steps)
    notes = tuple(note for launch in launches for note in launch.notes)
    table = _make_table(_rename_columns(steps))
    if path.is_dir() and not set(table.columns) >= _COUNTABLE:
        responses = read_responses(path / "rollouts")
        table = table.combine_first(summarize_steps(responses.table).reindex(table.index))
        notes += responses.notes
    return RunLog(path.name, table, len(launches), notes)


# Launches of a run.


@dataclass(frozen=True, slots=True)
class LaunchLog:
    """What one launch logged: metrics by step, ascending, and irregularities of its file."""

    steps: StepValues
    notes: tuple[LogNote, ...]


_EVENTS = "events.out.tfevents.*"


def _read_launches(path: Path) -> list[LaunchLog]:
    """The logs of all launches, oldest first."""
    if path.is_file():
        return [read_metrics(path) if path.suffix == ".jsonl" else read_console(path)]
    folders = [folder for folder in sorted((path / "attempts").glob("[0-9]*")) if folder.is_dir()]
    logs = map(_read_launch, folders or [path])
    return [log for log in logs if log is not None]


def _read_launch(folder: Path) -> LaunchLog | None:
    if (folder / "metrics.jsonl").is_file():
        return read_metrics(folder / "metrics.jsonl")
    if any(folder.glob(_EVENTS)):
        return read_events(folder)
    if (folder / "console.log").is_file():
        return read_console(folder / "console.log")
    return None


def _merge_launch(earlier: StepValues, launch: StepValues) -> StepValues:
    """Adds a launch, which overrides the steps after its first one.

    A launch that validates before it trains logs the step of its checkpoint again, without training metrics; so the
    values of that step are merged.
    """
    first = min(launch)
    kept = {step: values for step, values in earlier.items() if step <= first}
    return kept | {step: {**kept.get(step, {}), **values} for step, values in launch.items()}


# File formats.


_CONSOLE_STEP = re.compile(r"\bstep:(\d{1,9}) - ")
_WRAPPED = re.compile(r"(?:np|numpy)\.\w+\((.*)\)")
"""How numpy 2 prints a number: `np.float64(0.5)`."""
_MAX_LINE = 200_000
"""Bytes of a console line that are read."""


def read_metrics(path: Path) -> LaunchLog:
    """Reads a file of verl's `file` logger: rows `{"step": …, "data": {…}}`."""
    return _collect_steps(path.name, map(_parse_row, storage.read_jsonl(path)))


def read_console(path: Path) -> LaunchLog:
    """Reads the output of verl's `console` logger: lines with `step:1 - a:0.5 - b:2` among any others."""
    rows = []
    with open(path, "rb") as file:
        for line in file:
            text = line[:_MAX_LINE].decode("utf-8", "replace")
            match = _CONSOLE_STEP.search(text)
            if match:
                rows.append((int(match[1]), dict(_parse_pairs(text[match.end() :]))))
    return _collect_steps(path.name, rows)


def read_events(folder: Path) -> LaunchLog:
    """Reads all scalars of the TensorBoard event files in `folder` (not below it).

    Raises `MissingExtra` if TensorBoard is not installed.
    """
    try:
        from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator
    except ImportError:
        raise MissingExtra("Reading TensorBoard event files", "analysis") from None
    events = EventAccumulator(str(folder), size_guidance={SCALARS: 0})
    events.Reload()
    steps: dict[int, dict[str, float]] = {}
    skipped = 0
    for tag in events.Tags()["scalars"]:
        for event in events.Scalars(tag):
            if math.isfinite(event.value):
                steps.setdefault(int(event.step), {})[tag] = float(event.value)
            else:
                skipped += 1
    notes = (LogNote(folder.name, "not finite", skipped),) if skipped else ()
    return LaunchLog(dict(sorted(steps.items())), notes)


def _parse_row(row: Mapping[str, Any] | BrokenLine) -> tuple[int, dict[str, float]] | str:
    """(step, metrics) of a line of the file logger, or what is wrong with it."""
    if isinstance(row, BrokenLine):
        return f"{row.where}: {row.reason}"
    step, data = row.get("step"), row.get("data")
    if not isinstance(step, int) or isinstance(step, bool) or step < 0 or not isinstance(data, dict):
        return "a row without step and data"
    return step, {name: float(value) for name, value in data.items() if _is_number(value)}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _parse_pairs(text: str) -> Iterator[tuple[str, float]]:
    """(name, value) of each `name:value` between dashes whose value is a finite number."""
    for part in text.split(" - "):
        name, _, value = part.strip().rpartition(":")
        try:
            wrapped = _WRAPPED.fullmatch(value)
            number = float(wrapped[1] if wrapped else value)
        except ValueError:
            continue
        if name and math.isfinite(number):
            yield name, number


def _collect_steps(file: str, rows: Iterable[tuple[int, dict[str, float]] | str]) -> LaunchLog:
    """Merges the rows of a file by step, noting broken, repeated and misplaced ones."""
    steps: dict[int, dict[str, float]] = {}
    broken: list[str] = []
    repeated = backward = 0
    last = -1
    for row in rows:
        if isinstance(row, str):
            broken.append(row)
            continue
        step, values = row
        repeated += step in steps
        backward += step < last
        last = max(last, step)
        steps[step] = {**steps.get(step, {}), **values}  # verl logs a step in pieces: training, validation
    notes = []
    if broken:
        notes.append(LogNote(file, "not a step", len(broken), detail=broken[0]))
    if backward:
        notes.append(LogNote(file, "out of order", backward, len(steps)))
    if repeated:
        notes.append(LogNote(file, "repeated", repeated))
    return LaunchLog(dict(sorted(steps.items())), tuple(notes))


# The table.


def _rename_columns(steps: StepValues) -> StepValues:
    logged = frozenset(name for values in steps.values() for name in values)
    names = {name: canonical_column(name, logged) for name in logged}
    return {step: {names[name]: value for name, value in values.items()} for step, values in steps.items()}


def canonical_column(metric: str, logged: frozenset[str]) -> str:
    """Returns the column name of a metric, in a log that has the metrics `logged`."""
    for column in COLUMNS:
        if metric in column.aliases:
            best = next(alias for alias in column.aliases if alias in logged)
            return column.name if metric == best else metric
    if metric.startswith("val-core/") and metric.endswith("/acc/mean@1"):
        return "validation/accuracy"
    return metric


def _make_table(steps: StepValues) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(dict(steps), orient="index", dtype="float64")
    # pandas before 3.1 drops the steps that have no values; reindexing adds them again.
    table = table.reindex(index=sorted(steps), columns=sorted(table.columns))
    table.index.name = "step"
    return table
