"""Serves saved answers as a backend, so that those of another run or framework can be graded.

Reads a run folder of ours, or a JSONL file with `response` (or `text`) and `id`, or `row` and `gold` or `question`; and
optionally `index`, `finish_reason`, `prompt_tokens`, `completion_tokens`. `mmk12.inference.saved_answers` joins them
with the items.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmk12.errors import BadInput, UnknownName
from mmk12.inference.saved_answers import AnswerKey, Items, join_answers
from mmk12.types import (
    FINISH_REASONS,
    BrokenLine,
    Completion,
    GenerationFailure,
    Message,
    Request,
    SavedAnswer,
    read_token_count,
)
from mmk12.utils import storage


class ReplayBackend:
    """Answers each request with the saved answer to its sample: join them with the samples first."""

    def __init__(self, path: Path) -> None:
        file = path / "completions.jsonl" if path.is_dir() else path
        self._where = path.name
        self._saved = read_saved_answers(path)
        self._joined: Mapping[AnswerKey, SavedAnswer] = {}
        self._answered: set[str] = set()
        self.fingerprint = f"replay:sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"

    def join(self, items: Items, n: int = 1) -> list[str]:
        """Joins the answers with the items that will be asked, and returns notes about answers that are left out.

        Raises `BadInput` where answers would be graded against other questions, as `join_answers` says.
        """
        joined = join_answers(self._saved, items, n, self._where)
        self._joined = joined.answers
        self._answered = {item for item, _ in joined.answers}
        return list(joined.notes)

    def has_answer(self, sample_id: str) -> bool:
        """Returns whether an item has a saved answer. False before `join`."""
        return sample_id in self._answered

    def render(self, messages: Sequence[Message]) -> str:
        """Returns the turns, one after the other: the prompt of saved completions is not known here."""
        return "\n".join(f"{message.role}: {message.content}" for message in messages)

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion | GenerationFailure]:
        """Yields the saved answer of each request, in the order of the requests."""
        for request in requests:
            answer = self._joined.get((request.id, request.index))
            if answer is None:
                yield GenerationFailure(request.key, request.id, "no saved answer")
                continue
            yield Completion(
                request.key,
                request.id,
                request.index,
                answer.text,
                answer.finish_reason,
                answer.prompt_tokens,
                answer.completion_tokens,
            )


def read_saved_answers(path: Path) -> list[SavedAnswer]:
    """Reads a JSONL file of saved answers, or the completions of a run folder. Raises `BadInput`, naming the row."""
    if path.is_dir():
        return _read_run(path)
    return [_read_answer(row, f"{path}, row {number}") for number, row in _rows(path)]


def _read_run(folder: Path) -> list[SavedAnswer]:
    """Reads the answers to the items of a run; its log may hold others, to items that have changed since."""
    items = folder / "samples.jsonl"
    keys = {key for _, row in _rows(items) for key in row.get("keys", ())} if items.is_file() else None
    file = folder / "completions.jsonl"
    return [
        _read_answer(row, f"{file}, row {number}")
        for number, row in _rows(file)
        if keys is None or row.get("key") in keys
    ]


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, row in enumerate(storage.read_jsonl(file), 1):
        if isinstance(row, BrokenLine):
            raise BadInput(f"{row.where}: {row.reason}. Fix or remove that line.")
        yield number, row


def _read_answer(row: Mapping[str, Any], where: str) -> SavedAnswer:
    name, text = row.get("id"), row["response"] if "response" in row else row.get("text")
    number, index = row.get("row"), row.get("index")
    named = isinstance(name, str | int) or (name is None and isinstance(number, int))
    if not named or not isinstance(text, str):
        keys = ", ".join(row) or "nothing"
        raise BadInput(f"{where}: every row needs `response` and an `id`, or a `row` number; it has {keys}.")
    if index is not None and (type(index) is not int or index < 0):
        raise BadInput(f"{where}: `index` counts the answers to one item from 0, and is {str(index)[:40]!r}.")
    finish = row.get("finish_reason") or "stop"
    if finish not in FINISH_REASONS:
        raise BadInput(f"{where}: {UnknownName('finish reason', str(finish), FINISH_REASONS)}")
    return SavedAnswer(
        text,
        id=None if name is None else str(name),
        row=number if isinstance(number, int) else None,
        index=index,
        gold=_text(row.get("gold")),
        question=_text(row.get("question")),
        finish_reason=finish,
        prompt_tokens=read_token_count(row.get("prompt_tokens")),
        completion_tokens=read_token_count(row.get("completion_tokens")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else None
