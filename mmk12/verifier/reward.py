"""The reward of a response, as a trainer pays and logs it."""

from __future__ import annotations

from typing import Any

from mmk12.types import Gold, Status
from mmk12.verifier.judge import verify
from mmk12.verifier.penalties import NONE, Penalties, deductions
from mmk12.verifier.profiles import profile_named

STATUSES: tuple[Status, ...] = ("correct", "wrong", "no_answer", "gold_unusable", "timeout", "error")


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
    weight = profile_named(profile).format_weight
    acc, formed = float(verdict.correct), float(verdict.format_ok)
    repetition, overlong = deductions(response, penalties, length) if usable else (0.0, 0.0)
    return {
        "score": (acc + weight * formed + repetition + overlong) if usable else 0.0,
        "acc": acc,
        "format": formed,
        "repetition": repetition,
        "overlong": overlong,
        **{f"status_{status}": float(verdict.status == status) for status in STATUSES},
    }
