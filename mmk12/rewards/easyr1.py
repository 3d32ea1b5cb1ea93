"""The reward for EasyR1: `worker.reward.reward_function=/PATH/TO/mmk12/rewards/easyr1.py:compute_score`.

EasyR1 loads the file by its path and hands over response, its length and the reference answer, nothing else
(verl/workers/reward/function.py:69-107 at b44b311), so `mmk12 export --for easyr1` puts all else into the answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmk12.rewards.scoring import pay, read_label

REWARD_NAME = "mmk12"
REWARD_TYPE = "batch"


def compute_score(reward_inputs: Sequence[Mapping[str, Any]], profile: str | None = None) -> list[dict[str, float]]:
    """Returns `overall`, `format` and `accuracy` of each response.

    `profile` is a key of EasyR1's `reward_function_kwargs`; without it, the answer's own counts. Raises what `pay`
    raises.
    """
    scores = []
    for given in reward_inputs:
        fields = pay(given["response"], read_label(given["ground_truth"]), profile=profile).fields
        scores.append({"overall": fields["score"], "format": fields["format"], "accuracy": fields["acc"]})
    return scores
