"""What a response is paid, and what is logged beside it: the verifier's verdict in verl's terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmk12.types import Verdict
from mmk12.verifier.reward import score_verdict

DATA_SOURCE = "mmk12/"
"""What `data_source` begins with; the reward profile follows."""

_GIVEN = ("question", "choices", "answer_type", "precision", "tolerance")
"""What the verifier may be told beside the gold: fields of `extra_info`, as `mmk12 build-data` writes them."""


def reward_fields(verdict: Verdict, *, length: int, truncated: bool) -> dict[str, Any]:
    """The reward of a response and what is logged beside it, with the same keys always.

    `length` is in tokens. `status` is the verdict's, the other values are numbers.
    """
    return {
        **score_verdict(verdict),
        "status": verdict.status,
        "no_answer": float(verdict.status == "no_answer"),
        "timeout": float(verdict.status == "timeout"),
        "truncated": float(truncated),
        "length": float(length),
    }


def verify_row_of(response: str, gold: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """One row for the verifier's pool, from the columns of a parquet row."""
    return {"response": response, "gold": gold, **{key: extra[key] for key in _GIVEN if extra.get(key) is not None}}
