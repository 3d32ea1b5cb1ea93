"""The reward of a response, as a trainer pays and logs it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mmk12.types import Gold, Status, Verdict
from mmk12.verifier.api import verify
from mmk12.verifier.profiles import find_profile

STATUSES: tuple[Status, ...] = ("correct", "wrong", "no_answer", "gold_unusable", "timeout", "error")


# Deductions from a reward, off by default: for saying the same thing again, and for saying too much.


_WORD = re.compile(r"[㐀-鿿]|[^\W㐀-鿿]+|[^\w\s]")
"""A Chinese character, a word or number, or a mark: what repeats is counted alike in every script."""


@dataclass(frozen=True, slots=True)
class Penalties:
    """The largest deductions, 0 for none, and where they begin.

    `repetition` scales with the share of word `ngram`-grams that occurred before (in the manner of Yeo et al. 2025,
    "Demystifying Long Chain-of-Thought Reasoning"). `overlong` grows linearly over the last `buffer` units before
    `limit` and is full from there (the soft over-length punishment of DAPO, Yu et al. 2025). A unit is what the caller
    measures length in: tokens where `length` is given to `reward`, else characters. Raises `ValueError` for values
    that make no sense.
    """

    repetition: float = 0.0
    ngram: int = 20
    overlong: float = 0.0
    limit: int = 0
    buffer: int = 0

    def __post_init__(self) -> None:
        if min(self.repetition, self.overlong, self.buffer) < 0 or self.ngram < 1:
            raise ValueError("penalties and buffer are not negative, and ngram is at least 1")
        if self.overlong and self.limit < max(1, self.buffer):
            raise ValueError("an over-length penalty needs a limit of at least the buffer")


NONE = Penalties()


def repetition_share(text: str, ngram: int) -> float:
    """The share of the word n-grams of `text` that occurred before, from 0 to 1; 0 where there are none."""
    words = _WORD.findall(text)
    count = len(words) - ngram + 1
    if count < 1:
        return 0.0
    return 1.0 - len({tuple(words[start : start + ngram]) for start in range(count)}) / count


def excess_share(length: int, limit: int, buffer: int) -> float:
    """How far `length` is beyond `limit - buffer`, as a share of the buffer, from 0 to 1."""
    over = length - (limit - buffer)
    return min(1.0, over / buffer) if buffer and over > 0 else float(length > limit)


def compute_penalties(response: str, penalties: Penalties, length: int | None) -> tuple[float, float]:
    """(repetition, overlong): two numbers that are never positive, to be added to a reward."""
    repetition = penalties.repetition * repetition_share(response, penalties.ngram) if penalties.repetition else 0.0
    measured = len(response) if length is None else length
    overlong = (
        penalties.overlong * excess_share(measured, penalties.limit, penalties.buffer) if penalties.overlong else 0.0
    )
    return 0.0 - repetition, 0.0 - overlong


def reward(
    response: str,
    gold: str | Gold,
    *,
    profile: str = "strict",
    penalties: Penalties = NONE,
    length: int | None = None,
    **given: Any,
) -> dict[str, float]:
    """The reward of a response, with the same keys each time, as a trainer logs them.

    `score` = `acc` + format weight of the profile · `format` (paper section 2.3) + `repetition` + `overlong`; the last
    two are 0 unless `penalties` are given, and never positive. `length` is the response's in tokens; without it,
    characters count. A gold that cannot be used pays and costs nothing at all. `status_…` are 0 or 1. The rest of
    `given` goes to `verify`.
    """
    verdict = verify(response, gold, profile=profile, **given)
    usable = verdict.status != "gold_unusable"
    repetition, overlong = compute_penalties(response, penalties, length) if usable else (0.0, 0.0)
    earned = score_verdict(verdict)
    return {
        **earned,
        "score": earned["score"] + repetition + overlong,
        "repetition": repetition,
        "overlong": overlong,
        **{f"status_{status}": float(verdict.status == status) for status in STATUSES},
    }


def score_verdict(verdict: Verdict) -> dict[str, float]:
    """What a verdict earns by the profile it was given under: `score`, `acc` and `format`, without penalties."""
    acc, formed = float(verdict.correct), float(verdict.format_ok)
    earned = acc + find_profile(verdict.profile).format_weight * formed
    return {"score": 0.0 if verdict.status == "gold_unusable" else earned, "acc": acc, "format": formed}
