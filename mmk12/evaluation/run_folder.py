"""An evaluation run on disk: self-contained, so that it can be re-graded, compared and read on another machine.

run.json            how it was made, and when: the only file with times
samples.jsonl       the items as they were asked (question, gold, tags), unusable ones with their reason
images/             their pictures, by content
completions.jsonl   what the model said, append-only
judgements.jsonl    what a judge said of it, append-only, if one was asked (which: judge.json)
verdicts.jsonl      one judgement per completion            ┐
results.json        accuracies, intervals, sub-scores       │ derived: same completions, same bytes
report.md, .html    the same for people                     ┘
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmk12.errors import BadInput, MissingData, OutputError
from mmk12.inference.generate import CompletionLog
from mmk12.types import BrokenLine, DroppedSample, Sample
from mmk12.utils import storage
from mmk12.utils.images import ImageStore

_IDENTITY = ("fingerprint", "prompt", "sampling", "n")
"""What a run folder is about: completions of another model or prompt belong in another folder."""


@dataclass(frozen=True, slots=True)
class Item:
    """One declared item of a benchmark. `keys` are those of its completions; none if it could not be asked."""

    benchmark: str
    sample: Sample | DroppedSample
    keys: tuple[str, ...] = ()


class EvalRun:
    """A run folder; nothing is read before it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = ImageStore(folder / "images")

    def settings(self) -> dict[str, Any]:
        """The contents of run.json. Raises `MissingData` if this is no run folder."""
        path = self.folder / "run.json"
        if not path.is_file():
            raise MissingData(f"{self.folder} is not an evaluation run (no run.json). Make one with: mmk12 eval")
        settings = storage.read_json(path)
        if not isinstance(settings, dict) or not {*_IDENTITY, "benchmarks", "profile"} <= settings.keys():
            raise BadInput(f"{path} is not what mmk12 eval writes. Restore it, or evaluate into another --out.")
        return settings

    def attempts(self, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What this folder has seen so far. Raises `OutputError` if it is about another model, prompt or sampling."""
        if not (self.folder / "run.json").is_file():
            return []
        before = self.settings()
        for name in _IDENTITY:
            if before[name] != settings[name]:
                raise OutputError(
                    f"{self.folder} holds a run with another {name} ({_short(before[name])}; "
                    f"now {_short(settings[name])}). Choose another --out."
                )
        attempts: list[dict[str, Any]] = before.get("attempts", [])
        return attempts

    def write_settings(self, settings: Mapping[str, Any]) -> None:
        """Writes run.json."""
        storage.write_json(self.folder / "run.json", settings)

    def write_items(self, items: Sequence[Item]) -> None:
        """Writes samples.jsonl."""
        rows = [
            {"benchmark": item.benchmark, **dataclasses.asdict(item.sample), "keys": list(item.keys)} for item in items
        ]
        storage.write_jsonl(self.folder / "samples.jsonl", rows)

    def items(self) -> list[Item]:
        """The items as they were asked, in benchmark order."""
        return [_item(row) for row in self._rows("samples.jsonl")]

    def completions(self) -> CompletionLog:
        """The log of completions, mended if a kill tore it."""
        return CompletionLog(self.folder / "completions.jsonl")

    def verdicts(self) -> list[dict[str, Any]]:
        """The rows of verdicts.jsonl."""
        return self._rows("verdicts.jsonl")

    def _rows(self, name: str) -> list[dict[str, Any]]:
        path = self.folder / name
        if not path.is_file():
            raise MissingData(f"No {name} in {self.folder}: the run has not finished. Repeat its mmk12 eval command.")
        rows: list[dict[str, Any]] = []
        for row in storage.read_jsonl(path):
            if isinstance(row, BrokenLine):
                raise BadInput(f"{row.where}: {row.reason}. Repeat the mmk12 eval command, which writes {name} anew.")
            rows.append(row)
        return rows


def _item(row: dict[str, Any]) -> Item:
    benchmark, keys = row.pop("benchmark"), tuple(row.pop("keys"))
    if "stage" in row:
        return Item(benchmark, DroppedSample(**row), keys)
    return Item(benchmark, Sample.from_json(row), keys)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What an evaluation came to: its folder, the contents of results.json, and what to know beside them."""

    folder: Path
    results: Mapping[str, Any]
    notes: tuple[str, ...]
    generated: int
