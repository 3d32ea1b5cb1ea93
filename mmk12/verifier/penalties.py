"""Deductions from a reward, off by default: for saying the same thing again, and for saying too much.

Neither is part of the paper's reward. They exist because a policy paid by accuracy alone may learn to loop or to
ramble, and because both need to be measured the same way in every run. Linear in the length of the response.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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


def repeated(text: str, ngram: int) -> float:
    """The share of the word n-grams of `text` that occurred before, from 0 to 1; 0 where there are none."""
    words = _WORD.findall(text)
    count = len(words) - ngram + 1
    if count < 1:
        return 0.0
    return 1.0 - len({tuple(words[start : start + ngram]) for start in range(count)}) / count


def excess(length: int, limit: int, buffer: int) -> float:
    """How far `length` is beyond `limit - buffer`, as a share of the buffer, from 0 to 1."""
    over = length - (limit - buffer)
    return min(1.0, over / buffer) if buffer and over > 0 else float(length > limit)


def deductions(response: str, penalties: Penalties, length: int | None) -> tuple[float, float]:
    """(repetition, overlong): two numbers that are never positive, to be added to a reward."""
    repetition = penalties.repetition * repeated(response, penalties.ngram) if penalties.repetition else 0.0
    measured = len(response) if length is None else length
    overlong = penalties.overlong * excess(measured, penalties.limit, penalties.buffer) if penalties.overlong else 0.0
    return 0.0 - repetition, 0.0 - overlong
