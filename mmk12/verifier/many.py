"""Verdicts for rows: one by one here, or in several processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmk12.types import Gold, Verdict
from mmk12.verifier.judge import verify


def verify_row(row: Mapping[str, Any], profile: str = "strict") -> Verdict:
    """`verify` on a mapping with keys response, gold and optionally question, choices, answer_type, precision."""
    gold = row["gold"]
    precision = row.get("precision")
    return verify(
        _text(row["response"]),
        gold if isinstance(gold, Gold) else _text(gold),
        question=row.get("question"),
        choices=[_text(choice) for choice in row.get("choices") or ()] or None,
        answer_type=row.get("answer_type") or "auto",
        precision=None if precision is None else int(precision),
        profile=profile,
    )


def _text(value: object) -> str:
    """JSON files hold numbers and nulls where text is meant."""
    return "" if value is None else str(value)


def verify_many(rows: Iterable[Mapping[str, Any]], *, profile: str = "strict", workers: int = 1) -> Iterator[Verdict]:
    """`verify` on each row, in order, streaming, in constant memory; in `workers` processes when more than one."""
    if workers <= 1:
        for row in rows:
            yield verify_row(row, profile)
        return
    from mmk12.verifier.pool import Pool

    with Pool(workers, profile) as pool:
        yield from pool.map(rows)
