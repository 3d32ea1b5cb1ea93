"""Grades a JSONL file of responses: writes one verdict per row, in order and in constant memory."""

from __future__ import annotations

import io
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from mmk12.errors import BadInput
from mmk12.evaluation.responses_file import open_responses
from mmk12.types import BrokenLine
from mmk12.utils import storage
from mmk12.utils.progress import Progress, ignore_progress
from mmk12.verifier import verify_many
from mmk12.verifier.explain import Branch, explain
from mmk12.verifier.profiles import find_profile
from mmk12.verifier.spec import find_row_fault, is_foreign_type


def verify_file(
    file: Path,
    out: Path | None,
    *,
    profile: str = "strict",
    workers: int = 1,
    progress: Progress = ignore_progress,
    note: Callable[[str], None] = lambda text: None,
) -> Mapping[str, int]:
    """Grades the rows of `file`, JSONL, also as `.gz` or from standard input (`-`).

    Writes `id, status, correct, answer, rule, reason, format_ok, profile` per row to `out`, or standard output.

    `out` appears when it is complete. Returns the number of rows by status. All rows are checked before the first is
    graded: raises `BadInput` for the first that cannot be graded, naming the row, the key and the value. An answer type
    that is a dataset's own label (`letter`, `integer`) counts as `auto`, which `note` is told; a misspelling of one of
    ours is an error.
    """
    find_profile(profile)
    if out is not None and out.exists() and file.exists() and out.samefile(file):
        raise BadInput(f"--out {out} is the file of responses itself. Name another file; nothing was written.")
    with open_responses(file) as plain:
        return _verify_plain(plain, out, str(file), profile=profile, workers=workers, progress=progress, note=note)


def _verify_plain(
    file: Path,
    out: Path | None,
    name: str,
    *,
    profile: str,
    workers: int,
    progress: Progress,
    note: Callable[[str], None],
) -> Mapping[str, int]:
    foreign: Counter[str] = Counter()
    total = sum(1 for _ in _rows(file, name, foreign))
    if foreign:
        labels = ", ".join(f"'{label}'" for label, _ in foreign.most_common(3))
        note(f"{foreign.total()} rows have an answer_type that is not one of ours ({labels}): graded as auto")
    if out is None or (out.exists() and not out.is_file()):
        with storage.open_for_writing(out or Path("standard output")):
            if out is None:
                return _stream(file, sys.stdout, total, profile, workers, progress)
            with open(out, "w", encoding="utf-8", errors="replace") as stream:
                return _stream(file, stream, total, profile, workers, progress)
    with storage.replace_file(out) as binary:
        text = io.TextIOWrapper(binary, encoding="utf-8", errors="replace", newline="\n")
        counts = _stream(file, text, total, profile, workers, progress)
        text.detach()
        return counts


def explain_row(file: Path, id: str | None = None, *, profile: str = "strict") -> Branch:
    """Explains the row with that id, or the first. Raises `BadInput` if there is no such row."""
    with open_responses(file) as plain:
        for row in _rows(plain, str(file)):
            if id is None or str(row["id"]) == id:
                return explain(row, profile)
    raise BadInput(f"{file} has no row{'' if id is None else f' with the id {id}'}.")


def _stream(file: Path, out: IO[str], total: int, profile: str, workers: int, progress: Progress) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    ids: deque[Any] = deque()
    for count, verdict in enumerate(
        verify_many(_note_ids(ids, _rows(file, str(file))), profile=profile, workers=workers), 1
    ):
        out.write(storage.to_json({"id": ids.popleft(), **verdict.to_row()}) + "\n")
        counts[verdict.status] += 1
        if count % 1000 == 0 or count == total:
            progress("verify", count, total)
    return dict(sorted(counts.items()))


def _note_ids(ids: deque[Any], rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yields the rows and appends the id of each to `ids`, which holds as many as rows are in the workers."""
    for row in rows:
        ids.append(row["id"])
        yield row


def _rows(file: Path, name: str, foreign: Counter[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yields the rows of the file, each with an id: its own, or its number. Errors call the file `name`."""
    for number, row in enumerate(storage.read_jsonl(file), 1):
        if isinstance(row, BrokenLine):
            line = row.where.rpartition(":")[2]
            raise BadInput(f"{name}:{line}: {row.reason}. Fix or remove that line.")
        fault = find_row_fault(row)
        if fault is not None:
            raise BadInput(f"{name}, row {number}: {fault}")
        row.setdefault("id", number)
        if row.get("answer_type") and is_foreign_type(row["answer_type"]):
            if foreign is not None:
                foreign[row["answer_type"]] += 1
            row["answer_type"] = "auto"
        yield row
