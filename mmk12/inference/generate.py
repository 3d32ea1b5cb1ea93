"""Generates the completions of requests, resumable after every single one.

`completions.jsonl` is append-only, one line per completion under its request's key. The key hashes everything
that decides the text (model, sample, prompt, images, sampling, rollout index), so the same command goes on where it
was killed, and nothing is ever generated twice or altered.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmk12.errors import UnknownName
from mmk12.types import FINISH_REASONS, Backend, BrokenLine, Completion, Image, Request, Sampling
from mmk12.utils.progress import Progress, ignore_progress
from mmk12.utils.storage import AppendLog, to_json

_OFF = {"top_p": 1.0, "top_k": 0, "repetition_penalty": 1.0}
_FIELDS = tuple(field.name for field in dataclasses.fields(Completion))


def make_request(
    backend: Backend, sample_id: str, prompt: str, images: tuple[Image, ...], sampling: Sampling, index: int
) -> Request:
    """Returns a request with its key, which hashes all that decides the completion.

    The sample's id is part of the key: two samples with the same prompt get completions of their own, as in saved
    completions of other frameworks, and as sampled ones must.
    """
    hashes = [image.sha256 for image in images]
    # What is off is left out, so that completions from before these settings existed are still found.
    drawn = {name: value for name, value in dataclasses.asdict(sampling).items() if value != _OFF.get(name)}
    content = to_json([backend.fingerprint, sample_id, prompt, hashes, drawn, index])
    key = hashlib.sha256(content.encode("utf-8", "replace")).hexdigest()
    return Request(key, sample_id, prompt, images, sampling, index)


class CompletionLog(Mapping[str, Completion]):
    """The completions of one run folder by key; `notes` says what was repaired when the file was opened.

    They stay on disk and are read on access: the rollouts of a training mixture are gigabytes.
    """

    def __init__(self, path: Path) -> None:
        self._log = AppendLog(path)
        self.notes: list[str] = []
        self._places: dict[str, int] = {}
        unreadable = []
        for place, row in self._log.read():
            if isinstance(row, BrokenLine):
                unreadable.append(row.where)
            elif absent := [name for name in _FIELDS if name not in row]:
                unreadable.append(f"a line of {path} without {', '.join(absent)}")
            elif not isinstance(row["key"], str):
                unreadable.append(f"a line of {path} whose key is not a string")
            elif row["finish_reason"] not in FINISH_REASONS:
                fault = UnknownName("finish reason", str(row["finish_reason"]), FINISH_REASONS)
                unreadable.append(f"a line of {path}: {fault}")
            else:
                self._places.setdefault(row["key"], place)
        if self._log.torn:
            self.notes.append(f"dropped a torn last line of {path.name} (the last run was killed while writing it)")
        if unreadable:
            self.notes.append(f"{len(unreadable)} unreadable lines in {path.name}, first: {unreadable[0]}")

    def __getitem__(self, key: str) -> Completion:
        return Completion.from_row(self._log.at(self._places[key]))

    def __contains__(self, key: object) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def add(self, completions: Sequence[Completion]) -> None:
        """Appends completions to the file; they survive the death of this process."""
        places = self._log.append([dataclasses.asdict(completion) for completion in completions])
        self._places.update((completion.key, place) for completion, place in zip(completions, places, strict=True))


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """Why requests have no completion, {key: reason}, and the number of completions that are new."""

    failures: Mapping[str, str]
    new: int


def generate(
    backend: Backend, requests: Sequence[Request], log: CompletionLog, progress: Progress = ignore_progress
) -> GenerationResult:
    """Completes all `requests`: takes those in `log` from there, and stores new completions as they come.

    A request that the engine fails on is reported, not stored: the next run tries it again.
    """
    expected = {request.key: request for request in requests}
    missing = [request for key, request in expected.items() if key not in log]
    failures: dict[str, str] = {}
    progress("generate", len(expected) - len(missing), len(expected))
    for count, answer in enumerate(backend.generate(missing) if missing else (), len(expected) - len(missing) + 1):
        if isinstance(answer, Completion):
            log.add([answer])
        else:
            failures[answer.key] = answer.reason
        progress("generate", count, len(expected))
    for key in expected:
        if key not in log:
            failures.setdefault(key, "the engine returned nothing")
    return GenerationResult(failures, new=sum(request.key in log for request in missing))
