"""Describes irregularities in the files of a run; pages show them, so that a damaged log is recognized."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Problem = Literal["not a step", "not a response", "out of order", "repeated", "not finite"]

_TEXTS: dict[Problem, str] = {
    "not a step": "{count} lines are no step, first {detail}",
    "not a response": "{count} lines are no response",
    "out of order": "{count} of {total} steps are out of order",
    "repeated": "{count} steps were logged more than once; later values win",
    "not finite": "{count} values are not finite and were left out",
}


@dataclass(frozen=True, slots=True)
class LogNote:
    """One kind of irregularity in one file; as a string, the sentence that pages show.

    `count` is how many lines, steps or values are affected; `total`, where it is known, how many there are; `detail`
    describes the first one.
    """

    file: str
    problem: Problem
    count: int
    total: int | None = None
    detail: str = ""

    def __str__(self) -> str:
        text = _TEXTS[self.problem].format(count=self.count, total=self.total, detail=self.detail)
        return f"{self.file}: {text}"
