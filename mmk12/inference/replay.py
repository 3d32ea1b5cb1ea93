"""Serves saved completions as a backend, so that those of another run or framework can be graded.

Reads a run folder of ours, or a JSONL file with `id` and `response` (or `text`) and optionally `index`,
`finish_reason`, `prompt_tokens`, `completion_tokens`. An id may leave out the `<benchmark>/` in front.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmk12.errors import BadInput, UnknownName
from mmk12.types import FINISH_REASONS, BrokenLine, Completion, GenerationFailure, Message, Request
from mmk12.utils import storage


class ReplayBackend:
    """Answers each request with the saved completion of its sample and index."""

    def __init__(self, path: Path) -> None:
        file = path / "completions.jsonl" if path.is_dir() else path
        self._rows: dict[tuple[str, int], Mapping[str, Any]] = {}
        for row in storage.read_jsonl(file):
            if isinstance(row, BrokenLine):
                raise BadInput(f"{row.where}: {row.reason}. Fix or remove that line.")
            if not isinstance(row.get("id"), str | int) or not isinstance(_text(row), str):
                raise BadInput(
                    f"{file}: every row needs `id` and `response`; one has only {', '.join(row) or 'nothing'}."
                )
            if row.get("finish_reason") and row["finish_reason"] not in FINISH_REASONS:
                fault = UnknownName("finish reason", str(row["finish_reason"]), FINISH_REASONS)
                raise BadInput(f"{file}, the row with the id {row['id']}: {fault}")
            self._rows[str(row["id"]), int(row.get("index", 0))] = row
        self.fingerprint = f"replay:sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"

    def render(self, messages: Sequence[Message]) -> str:
        """Returns the turns, one after the other: the prompt of saved completions is not known here."""
        return "\n".join(f"{message.role}: {message.content}" for message in messages)

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion | GenerationFailure]:
        """Yields the saved completion of each request, in the order of the requests."""
        for request in requests:
            row = self._rows.get((request.id, request.index))
            if row is None:
                row = self._rows.get((request.id.split("/", 1)[-1], request.index))
            if row is None:
                yield GenerationFailure(request.key, request.id, "no saved completion")
                continue
            yield Completion(
                request.key,
                request.id,
                request.index,
                _text(row),
                row.get("finish_reason") or "stop",
                _count(row.get("prompt_tokens")),
                _count(row.get("completion_tokens")),
            )


def _text(row: Mapping[str, Any]) -> Any:
    return row["response"] if "response" in row else row.get("text")


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
