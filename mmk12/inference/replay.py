"""Serves saved answers as a backend, so that those of another run or framework can be graded.

Reads a run folder of ours, or a file of any format in `mmk12.formats.responses`, whose rows have `response` and `id`,
or `row` and `gold` or `question`. `mmk12.inference.saved_answers` joins them with the items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from mmk12.errors import BadInput, MissingData, UnknownName
from mmk12.formats.data_file import open_data_file
from mmk12.formats.responses import describe_formats, find_format, open_responses
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
from mmk12.utils.fingerprint import hash_file, hash_json


class ReplayBackend:
    """Answers each request with the saved answer to its sample: join them with the samples first."""

    def __init__(self, path: Path, columns: Mapping[str, str] | None = None) -> None:
        file = find_saved_file(path) or path
        self._where = path.name
        self._notes: list[str] = []
        self._saved = read_saved_answers(path, columns, self._notes.append)
        self._joined: Mapping[AnswerKey, SavedAnswer] = {}
        self._answered: set[str] = set()
        self.fingerprint = f"replay:sha256:{hash_file(file)}" + (f":{hash_json(columns)}" if columns else "")

    def join(self, items: Items, n: int = 1) -> list[str]:
        """Joins the answers with the items that will be asked, and returns notes about answers that are left out.

        Raises `BadInput` where answers would be graded against other questions, as `join_answers` says.
        """
        joined = join_answers(self._saved, items, n, self._where)
        self._joined = joined.answers
        self._answered = {item for item, _ in joined.answers}
        return [*self._notes, *joined.notes]

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


def find_saved_file(path: Path) -> Path | None:
    """Returns the file that holds the saved answers of `path`: itself, or the only one in a folder that has a format.

    None if a folder holds none, as that of a model. Raises `BadInput` if it holds several.
    """
    if path.is_file():
        return path
    if not path.is_dir():
        return None
    if (path / "completions.jsonl").is_file():
        return path / "completions.jsonl"
    if (path / "config.json").is_file():
        return None
    files = [file for file in sorted(path.iterdir()) if file.suffix.lower() in _SUFFIXES and file.is_file()]
    found = [file for file in files if find_format(open_data_file(file)) is not None]
    if len(found) > 1:
        names = ", ".join(file.name for file in found[:_SHOWN])
        raise BadInput(f"{path} holds {len(found)} files of saved answers: {names}. Name one of them.")
    return found[0] if found else None


_SUFFIXES = (".jsonl", ".json", ".xlsx", ".tsv", ".csv", ".parquet", ".eval")
_SHOWN = 8


def read_saved_answers(
    path: Path, columns: Mapping[str, str] | None = None, note: Callable[[str], None] = lambda text: None
) -> list[SavedAnswer]:
    """Reads a file of saved answers in any known format, or the completions of a run folder.

    `columns` are our names of the columns of another table. `note` is told what was recognized, and how many rows have
    no response. Raises `BadInput` for a file that has no known format, or naming the row that cannot be read.
    """
    file = find_saved_file(path)
    if file is None and not path.exists():
        raise MissingData(f"No file {path}.")
    if file is None:
        raise MissingData(f"{path} holds no saved answers. {describe_formats()}")
    if file != path and file.name == "completions.jsonl":
        return _read_run(path)
    opened = open_responses(file, columns)
    if opened.note:
        note(opened.note)
    answers, silent = [], 0
    for where, row in opened.rows():
        if opened.format.name != "mmk12" and row["response"] is None:
            silent += 1
        else:
            answers.append(_read_answer(row, where))
    if silent:
        note(f"{silent:,} rows of {file.name} have no response and are left out")
    return answers


def _read_run(folder: Path) -> list[SavedAnswer]:
    """Reads the answers to the items of a run; its log may hold others, to items that have changed since."""
    items, log = folder / "samples.jsonl", folder / "completions.jsonl"
    keys = {key for _, row in _rows(items) for key in row.get("keys", ())} if items.is_file() else None
    return [
        _read_answer({"response": row.get("text"), **row}, where)
        for where, row in _rows(log)
        if keys is None or row.get("key") in keys
    ]


def _rows(file: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for number, row in enumerate(storage.read_jsonl(file), 1):
        if isinstance(row, BrokenLine):
            raise BadInput(f"{row.where}: {row.reason}. Fix or remove that line.")
        yield f"{file}, row {number}", row


def _read_answer(row: Mapping[str, Any], where: str) -> SavedAnswer:
    name, text = row.get("id"), row.get("response")
    number, index = row.get("row"), row.get("index")
    named = isinstance(name, str | int) or (name is None and isinstance(number, int))
    if not named or not isinstance(text, str):
        keys = ", ".join(name for name, value in row.items() if value is not None) or "nothing"
        kind = "" if text is None or isinstance(text, str) else f", and `response` is a {type(text).__name__}, no text"
        raise BadInput(f"{where}: every row needs `response` and an `id`, or a `row` number; it has {keys}{kind}.")
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
