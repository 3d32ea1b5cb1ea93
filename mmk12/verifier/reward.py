"""The reward of a response, as a trainer pays and logs it: accuracy, format, and penalties that are off by default."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from mmk12.types import STATUSES, Gold, Verdict
from mmk12.verifier.api import verify
from mmk12.verifier.profiles import find_profile

_WORD = re.compile(r"[㐀-鿿]|[^\W㐀-鿿]+|[^\w\s]")
"""A Chinese character, a word or number, or a mark: repetition is counted alike in every script."""


@dataclass(frozen=True, slots=True)
class Penalties:
    """The largest deductions from a reward, 0 for none, and where they begin.

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

    @property
    def active(self) -> bool:
        """Whether anything can be deducted."""
        return self.repetition > 0 or self.overlong > 0


NO_PENALTIES = Penalties()


def reward(
    response: str,
    gold: str | Gold,
    *,
    profile: str = "strict",
    penalties: Penalties = NO_PENALTIES,
    length: int | None = None,
    **arguments: Any,
) -> dict[str, float]:
    """Returns the reward of a response, with the same keys each time, as a trainer logs them.

    `score` = `acc` + format weight of the profile · `format` (paper section 2.3) + `repetition` + `overlong`; the last
    two are 0 unless `penalties` are given, and never positive. `length` is the response's in tokens; without it,
    characters count. A gold that cannot be used pays and costs nothing at all. `status_…` are 0 or 1. The other
    `arguments` go to `verify`, which says what it raises.
    """
    verdict = verify(response, gold, profile=profile, **arguments)
    return earn(verdict, response, penalties, length)


def earn(
    verdict: Verdict, response: str, penalties: Penalties = NO_PENALTIES, length: int | None = None
) -> dict[str, float]:
    """Returns what `score_response` returns, and `status_…` of each status, 0 or 1."""
    return {
        **score_response(verdict, response, penalties, length),
        **{f"status_{status}": float(verdict.status == status) for status in STATUSES},
    }


def score_response(
    verdict: Verdict, response: str, penalties: Penalties = NO_PENALTIES, length: int | None = None
) -> dict[str, float]:
    """Returns what `response` earns by the profile of its verdict: `score`, `acc`, `format`, `repetition`, `overlong`.

    `length` is in tokens; without it, characters count. Every trainer's reward is computed here.
    """
    acc, well_formed = float(verdict.correct), float(verdict.format_ok)
    if verdict.status == "gold_unusable":
        return {"score": 0.0, "acc": acc, "format": well_formed, "repetition": 0.0, "overlong": 0.0}
    repetition, overlong = compute_penalties(response, penalties, length)
    score = acc + find_profile(verdict.profile).format_weight * well_formed + repetition + overlong
    return {"score": score, "acc": acc, "format": well_formed, "repetition": repetition, "overlong": overlong}


def compute_penalties(response: str, penalties: Penalties, length: int | None) -> tuple[float, float]:
    """Returns (repetition, overlong): two numbers that are never positive, to be added to a reward."""
    repetition = penalties.repetition * repetition_share(response, penalties.ngram) if penalties.repetition else 0.0
    measured = len(response) if length is None else length
    overlong = (
        penalties.overlong * excess_share(measured, penalties.limit, penalties.buffer) if penalties.overlong else 0.0
    )
    return 0.0 - repetition, 0.0 - overlong


def repetition_share(text: str, ngram: int) -> float:
    """Returns the share of the word n-grams of `text` that occurred before, from 0 to 1; 0 where there are none."""
    words = _WORD.findall(text)
    count = len(words) - ngram + 1
    if count < 1:
        return 0.0
    return 1.0 - len({tuple(words[start : start + ngram]) for start in range(count)}) / count


def excess_share(length: int, limit: int, buffer: int) -> float:
    """Returns how far `length` is beyond `limit - buffer`, as a share of the buffer, from 0 to 1."""
    over = length - (limit - buffer)
    return min(1.0, over / buffer) if buffer and over > 0 else float(length > limit)
