"""The reward of a response and what is logged beside it: the verifier's verdict as verl's columns and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmk12.types import Verdict
from mmk12.verifier.reward import NO_PENALTIES, Penalties, score_response
from mmk12.verifier.spec import FIELDS

_OPEN = "<think>"

PENALTY_FIELDS = ("repetition", "overlong")
"""Logged only where a recipe switches penalties on."""


def reward_fields(
    verdict: Verdict, response: str, *, length: int, truncated: bool, penalties: Penalties = NO_PENALTIES
) -> dict[str, Any]:
    """Returns the reward of `response` and what is logged beside it, with the same keys throughout a run.

    `length` is in tokens. `status` is the verdict's, the other values are numbers.
    """
    earned = score_response(verdict, response, penalties, length)
    deductions = {name: earned.pop(name) for name in PENALTY_FIELDS}
    return {
        **earned,
        "status": verdict.status,
        "no_answer": float(verdict.status == "no_answer"),
        "timeout": float(verdict.status == "timeout"),
        "truncated": float(truncated),
        "length": float(length),
        **(deductions if penalties.active else {}),
    }


def read_penalties(config: Mapping[str, Any]) -> Penalties:
    """Returns the penalties in verl's configuration, `mmk12.penalties`, as a recipe's `reward` section sets them."""
    return Penalties(**((config.get("mmk12") or {}).get("penalties") or {}))


def find_opening(prompt: str) -> str:
    """Returns `<think>` if `prompt` ends with it, as chat templates of thinking models do, else nothing.

    Such a response begins inside of its think section; with the tag in front of it, it has the format of the prompt.
    """
    return _OPEN if prompt.rstrip().endswith(_OPEN) else ""


def make_pool_row(response: str, gold: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Returns one row for the verifier's pool, from the columns of a parquet row; `extra` is its `extra_info`."""
    known = {name: extra[name] for name in FIELDS if extra.get(name) is not None}
    return {**known, "response": response, "gold": gold}
