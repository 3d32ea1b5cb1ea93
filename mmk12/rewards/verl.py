"""The reward for plain verl: `custom_reward_function.path=pkg://mmk12.rewards.verl`, and no line of code.

Called by verl's `naive` reward manager (0.9.1, verl/experimental/reward_loop/reward_manager/naive.py:76) with keywords.
`mmk12 train` has its own reward manager, with token counts and a deadline (mmk12/verl_plugin/reward_manager.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmk12.rewards.scoring import pay

DATA_SOURCE = "mmk12/"
"""The prefix of `data_source` in our parquet; the reward profile follows."""


def compute_score(
    data_source: str = "",
    solution_str: str = "",
    ground_truth: Any = None,
    extra_info: Mapping[str, Any] | None = None,
    profile: str | None = None,
    **_: Any,
) -> dict[str, float]:
    """Returns the reward of one response, `score`, and what verl logs beside it, with the same keys each time.

    Columns are read from `extra_info`. `profile` is a key of verl's `reward_kwargs`; without it, the profile is that of
    a `data_source` of ours. Raises what `pay` raises.
    """
    named = data_source.removeprefix(DATA_SOURCE) if data_source.startswith(DATA_SOURCE) else None
    return pay(solution_str, {**(extra_info or {}), "gold": ground_truth}, profile=profile or named).fields
