"""The reward for OpenRLHF: `--reward.remote_url /PATH/TO/mmk12/rewards/openrlhf.py`.

OpenRLHF loads the file by its path and calls `reward_func` with whole texts, special tokens included
(openrlhf/utils/agent.py:196-206, 282 and 315-323 of 0.11.2).
An exception there is logged and the reward left out; golds that cannot be used are counted in `extra_logs`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from mmk12.errors import BadInput
from mmk12.rewards.scoring import pay, read_label

_LOGGED = ("acc", "format", "status_no_answer", "status_gold_unusable")


def reward_func(queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]) -> dict[str, Any]:
    """Returns `rewards`, `scores` (accuracy, for dynamic filtering) and `extra_logs`, tensors of shape (batch,).

    A label of `mmk12 export --for openrlhf` holds choices, precision and tolerance; any other is the gold. Raises
    `BadInput` for a query that does not hold its prompt.
    """
    paid = [
        pay(find_response(query, prompt), read_label(label)).fields
        for query, prompt, label in zip(queries, prompts, labels, strict=True)
    ]
    return {
        "rewards": torch.tensor([fields["score"] for fields in paid]),
        "scores": torch.tensor([fields["acc"] for fields in paid]),
        "extra_logs": {name: torch.tensor([fields[name] for fields in paid]) for name in _LOGGED},
    }


def find_response(query: str, prompt: str) -> str:
    """Returns what stands behind the prompt in a query.

    The query is decoded from tokens, among which a picture's mark has become hundreds. So the prompt is found by the
    longest end of it that the query holds: what follows its last picture. Raises `BadInput` if there is none.
    """
    if query.startswith(prompt):
        return query[len(prompt) :]
    shortest, longest = 0, len(prompt)
    while shortest < longest:  # an end that the query holds has ends that it holds
        middle = (shortest + longest + 1) // 2
        shortest, longest = (middle, longest) if prompt[-middle:] in query else (shortest, middle - 1)
    if not shortest:
        raise BadInput(f"A query does not hold the end of its prompt, {prompt[-60:]!r}. Check the chat template.")
    end = prompt[-shortest:]
    return query[query.index(end) + shortest :]
