"""Verdicts for a JSONL file of responses: a row in, a verdict out, in order and in constant memory."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from mmk12 import storage
from mmk12.errors import BadInput
from mmk12.generate import Progress, silent
from mmk12.types import BrokenLine
from mmk12.verifier import verify_many


def verify_file(
    file: Path, out: Path | None, *, profile: str = "strict", workers: int = 1, progress: Progress = silent
) -> Mapping[str, int]:
    """Writes `id, status, correct, answer, rule, reason, format_ok, profile` per row to `out`, or standard output.

    Returns how often each status came. Raises `BadInput` at the first row that cannot be read.
    """
    with storage.writing(out or Path("standard output")):
        if out is None:
            return _stream(file, sys.stdout, profile, workers, progress)
        out.parent.mkdir(parents=True, exist_ok=True)
        with open(out, "w", encoding="utf-8", errors="replace") as stream:
            return _stream(file, stream, profile, workers, progress)


def _stream(file: Path, out: IO[str], profile: str, workers: int, progress: Progress) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    ids: list[Any] = []
    total = sum(1 for _ in storage.read_jsonl(file))
    for done, verdict in enumerate(verify_many(_rows(file, ids), profile=profile, workers=workers), 1):
        row = {
            "id": ids.pop(0),
            "status": verdict.status,
            "correct": verdict.correct,
            "answer": verdict.answer,
            "rule": verdict.rule,
            "reason": verdict.reason,
            "format_ok": verdict.format_ok,
            "profile": verdict.profile,
        }
        out.write(storage.to_json(row) + "\n")
        counts[verdict.status] += 1
        if done % 1000 == 0 or done == total:
            progress("verify", done, total)
    return dict(sorted(counts.items()))


def _rows(file: Path, ids: list[Any]) -> Iterator[dict[str, Any]]:
    for number, row in enumerate(storage.read_jsonl(file), 1):
        if isinstance(row, BrokenLine):
            raise BadInput(f"{row.where}: {row.reason}. Mend or remove that line.")
        if not isinstance(row.get("response"), str) or not isinstance(row.get("gold"), str):
            raise BadInput(f"{file}:{number}: a row needs the texts `response` and `gold`.")
        ids.append(row.get("id", number))
        yield row
