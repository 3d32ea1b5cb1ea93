"""Reads and writes an evaluation run on disk: self-contained, so that it can be re-graded and compared elsewhere.

run.json            how it was made, and when: the only file with times
samples.jsonl       the items as they were asked (question, gold, tags), unusable ones with their reason
images/             their images, named by content
completions.jsonl   what the model answered, append-only
judgements.jsonl    what a judge answered, append-only, if there is one (which: judge.json)
verdicts.jsonl      one verdict per completion              ┐
results.json        accuracies, intervals, sub-scores       │ derived: same completions, same bytes
report.md, .html    the same for people                     ┘
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmk12.datasets.declarations import MetricsFunction
from mmk12.errors import BadInput, MissingData, OutputError
from mmk12.evaluation.records import (
    JudgedRow,
    Results,
    RunSettings,
    VerdictRow,
    parse_record,
    upgrade_results,
    upgrade_run,
)
from mmk12.inference.generate import CompletionLog
from mmk12.types import BrokenLine, DroppedSample, Sample
from mmk12.utils import storage
from mmk12.utils.images import NO_BOUNDS, ImageStore, PixelBounds

_SOURCES = ("run.json", "samples.jsonl", "completions.jsonl", "judge.json", "judgements.jsonl")
"""The files of a run that are not derived from others."""
_IDENTITY = ("fingerprint", "prompt", "sampling", "n", "min_pixels", "max_pixels")
"""The settings that all completions of a folder share: those of another model or prompt belong in another folder."""


@dataclass(frozen=True, slots=True)
class Item:
    """One declared item of a benchmark. `keys` are those of its completions; none if it could not be asked."""

    benchmark: str
    sample: Sample | DroppedSample
    keys: tuple[str, ...] = ()


class EvalRun:
    """A run folder. Each method reads or writes one file of it. Images that are added are brought within `bounds`."""

    def __init__(self, folder: Path, bounds: PixelBounds = NO_BOUNDS) -> None:
        self.folder = folder
        self.images = ImageStore(folder / "images", bounds=bounds)

    @property
    def exists(self) -> bool:
        """Whether the folder holds an evaluation run, finished or not."""
        return (self.folder / "run.json").is_file()

    @property
    def has_items(self) -> bool:
        """Whether samples.jsonl was written: the first call may have been killed before it."""
        return (self.folder / "samples.jsonl").is_file()

    def settings(self) -> RunSettings:
        """Returns the contents of run.json.

        Raises:
            MissingData: The folder is no run folder.
            BadInput: The file was damaged, or a later version of mmk12 wrote it.
        """
        path = self.folder / "run.json"
        if not self.exists:
            raise MissingData(f"{self.folder} is not an evaluation run (no run.json). Make one with: mmk12 eval")
        value = storage.read_json(path)
        if isinstance(value, dict):
            value = upgrade_run(value, path)
        return parse_record(RunSettings, value, path, "Restore it, or evaluate into another --out.")

    def copy_to(self, folder: Path) -> EvalRun:
        """Copies what was asked, answered and judged into an empty folder, to be graded there in another way.

        Raises:
            OutputError: The folder holds files, or cannot be written.
        """
        with storage.open_for_writing(folder):
            if folder.exists() and any(path.name != ".lock" for path in folder.iterdir()):
                raise OutputError(f"{folder} is not empty. Choose another --out.")
            folder.mkdir(parents=True, exist_ok=True)
            for name in _SOURCES:
                if (self.folder / name).is_file():
                    shutil.copyfile(self.folder / name, folder / name)
            if self.images.folder.is_dir():
                shutil.copytree(self.images.folder, folder / "images", dirs_exist_ok=True)
        return EvalRun(folder)

    def write_settings(self, settings: RunSettings) -> None:
        """Writes run.json."""
        storage.write_json(self.folder / "run.json", settings.model_dump())

    def previous_settings(self, settings: RunSettings) -> RunSettings | None:
        """Returns what run.json holds of earlier calls, None for a new folder.

        Raises:
            OutputError: The folder is about another model, prompt or sampling than `settings`.
        """
        if not self.exists:
            return None
        before = self.settings()
        for name in _IDENTITY:
            old, new = getattr(before, name), getattr(settings, name)
            if old != new:
                raise OutputError(
                    f"{self.folder} holds a run with another {name} ({_shorten(old)}; now {_shorten(new)}). "
                    "Choose another --out."
                )
        return before

    def write_items(self, items: Sequence[Item]) -> None:
        """Writes samples.jsonl."""
        rows = [
            {"benchmark": item.benchmark, **dataclasses.asdict(item.sample), "keys": list(item.keys)} for item in items
        ]
        storage.write_jsonl(self.folder / "samples.jsonl", rows)

    def items(self) -> list[Item]:
        """Returns the items as they were asked, in benchmark order. Raises `MissingData` before they were written."""
        return [_parse_item(row) for _, row in self._rows("samples.jsonl")]

    def completions(self) -> CompletionLog:
        """Opens the log of completions; a last line that a kill cut short is dropped."""
        return CompletionLog(self.folder / "completions.jsonl")

    def write_verdicts(self, rows: Sequence[VerdictRow]) -> None:
        """Writes verdicts.jsonl."""
        storage.write_jsonl(self.folder / "verdicts.jsonl", (row.model_dump() for row in rows))

    def verdicts(self) -> list[VerdictRow]:
        """Returns the rows of verdicts.jsonl: each a `JudgedRow` if the run has a judge."""
        advice = f"Write it anew with: mmk12 score {self.folder}"
        return [
            parse_record(JudgedRow if "judge" in row else VerdictRow, row, where, advice)
            for where, row in self._rows("verdicts.jsonl")
        ]

    def write_results(self, results: Results) -> None:
        """Writes results.json."""
        storage.write_json(self.folder / "results.json", results.model_dump())

    def results(self) -> Results:
        """Returns the contents of results.json.

        Raises:
            MissingData: There is no such file.
            BadInput: The file was damaged, or a later version of mmk12 wrote it.
        """
        path = self.folder / "results.json"
        value = storage.read_json(path)
        if isinstance(value, dict):
            value = upgrade_results(value, path)
        return parse_record(Results, value, path, f"Write it anew with: mmk12 score {self.folder}")

    def _rows(self, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields the rows of a JSONL file, each with its place for messages."""
        path = self.folder / name
        if not path.is_file():
            raise MissingData(f"No {name} in {self.folder}: the run has not finished. Repeat its mmk12 eval command.")
        for number, row in enumerate(storage.read_jsonl(path), 1):
            if isinstance(row, BrokenLine):
                raise BadInput(f"{row.where}: {row.reason}. Repeat the mmk12 eval command, which writes {name} anew.")
            yield f"{path}, row {number}", row


def _parse_item(row: dict[str, Any]) -> Item:
    benchmark, keys = row.pop("benchmark"), tuple(row.pop("keys"))
    if "stage" in row:
        return Item(benchmark, DroppedSample(**row), keys)
    return Item(benchmark, Sample.from_json(row), keys)


def _shorten(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The outcome of an evaluation.

    `results` are the contents of results.json, `notes` are for the user, `generated` is the number of completions that
    this call generated. `metrics` are what benchmarks in the user's own files compute over several items.
    """

    folder: Path
    results: Results
    notes: tuple[str, ...]
    generated: int
    metrics: Mapping[str, MetricsFunction] = field(default_factory=dict)
