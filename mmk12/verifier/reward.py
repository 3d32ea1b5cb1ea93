"""The reward of a response, as a trainer pays and logs it."""

from __future__ import annotations

from typing import Any

from mmk12.types import Gold, Status
from mmk12.verifier.judge import verify
from mmk12.verifier.profiles import profile_named

STATUSES: tuple[Status, ...] = ("correct", "wrong", "no_answer", "gold_unusable", "timeout", "error")


def reward(response: str, gold: str | Gold, *, profile: str = "strict", **given: Any) -> dict[str, float]:
    """The reward of a response, with the same keys each time, as a trainer logs them.

    `score` = `acc` + format weight of the profile · `format` (paper section 2.3). A gold that cannot be used
    pays nothing at all. `status_…` are 0 or 1.
    """
    verdict = verify(response, gold, profile=profile, **given)
    usable = verdict.status != "gold_unusable"
    weight = profile_named(profile).format_weight
    formed = float(verdict.format_ok)
    return {
        "score": (float(verdict.correct) + weight * formed) if usable else 0.0,
        "acc": float(verdict.correct),
        "format": formed,
        **{f"status_{status}": float(verdict.status == status) for status in STATUSES},
    }
