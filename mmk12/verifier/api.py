"""Verdicts for rows: one by one here, or in several processes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmk12.types import Gold, Verdict
from mmk12.verifier.pool import to_text
from mmk12.verifier.profiles import find_profile
from mmk12.verifier.rules import verify


def verify_row(row: Mapping[str, Any], profile: str = "strict") -> Verdict:
    """`verify` on a mapping with the keys response and gold, and those of `verify`'s other arguments that are given."""
    gold = row["gold"]
    choices, precision, tolerance = row.get("choices"), row.get("precision"), row.get("tolerance")
    return verify(
        to_text(row["response"]),
        gold if isinstance(gold, Gold) else to_text(gold),
        question=row.get("question"),
        choices=[to_text(choice) for choice in choices] if choices else None,
        answer_type=row.get("answer_type") or "auto",
        precision=None if precision is None else int(precision),
        tolerance=None if tolerance is None else float(tolerance),
        profile=profile,
    )


def verify_many(rows: Iterable[Mapping[str, Any]], *, profile: str = "strict", workers: int = 1) -> Iterator[Verdict]:
    """`verify` on each row, in order, streaming, in constant memory; in `workers` processes when more than one.

    The `released_*` profiles always grade in processes. Raises `UnknownName` and `MissingExtra` for the profile.
    """
    if workers <= 1 and not find_profile(profile).released:
        for row in rows:
            yield verify_row(row, profile)
        return
    from mmk12.verifier.pool import Pool

    with Pool(workers, profile) as pool:
        yield from pool.map(rows)
