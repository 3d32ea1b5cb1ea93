"""Computes rewards inside verl with our verifier, in a worker process that is killed when it takes too long.

verl runs a reward function in a thread without a deadline, passes it no token counts, and drops its other results
during training. A reward manager, verl's own hook, has the tokens; `step_metrics` logs the fields that it returns. The
sum itself is `mmk12.verifier.reward`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

from mmk12.rewards.verl import DATA_SOURCE
from mmk12.types import Verdict
from mmk12.verifier.pool import Pool
from mmk12.verl_plugin.reward_fields import find_opening, make_pool_row, read_penalties, reward_fields

_TAIL = 16
"""The tokens of a prompt's end that may hold `<think>` and the white space behind it."""


class RewardManager(RewardManagerBase):  # type: ignore[misc]
    """For verl's `reward.reward_manager`, source `importlib`; one in each of its reward workers."""

    def __init__(self, config: Any, tokenizer: Any, compute_score: Any, **_: Any) -> None:
        super().__init__(config, tokenizer, compute_score)
        self._stops = find_end_tokens(tokenizer, config.actor_rollout_ref.model.path)
        self._penalties = read_penalties(config)
        # A pool is not thread-safe, so one thread uses them all; verl's event loop runs on while it waits.
        self._thread = ThreadPoolExecutor(1)
        self._pools: dict[str, Pool] = {}

    async def run_single(self, data: Any) -> dict[str, Any]:
        """Returns the reward of one response, as verl's agent loop requests it."""
        item = data[-1]
        columns = item.non_tensor_batch
        padded = item.batch["responses"]
        ids = padded[: int(item.batch["attention_mask"][-len(padded) :].sum())].tolist()
        asked = self.tokenizer.decode(item.batch["prompts"][-_TAIL:].tolist())
        response = find_opening(asked) + self.tokenizer.decode(ids, skip_special_tokens=True)
        profile = columns["data_source"].removeprefix(DATA_SOURCE)
        row = make_pool_row(response, columns["reward_model"]["ground_truth"], columns.get("extra_info") or {})
        verdict = await self.loop.run_in_executor(self._thread, self._verify, row, profile)
        truncated = not ids or ids[-1] not in self._stops
        fields = reward_fields(verdict, response, length=len(ids), truncated=truncated, penalties=self._penalties)
        return {"reward_score": fields["score"], "reward_extra_info": fields}

    def _verify(self, row: dict[str, Any], profile: str) -> Verdict:
        pool = self._pools.get(profile) or self._pools.setdefault(profile, Pool(1, profile))
        [verdict] = pool.map([row])
        return verdict


def find_end_tokens(tokenizer: Any, model: str) -> Collection[int]:
    """Returns the ids of the tokens that end a response: those of the checkpoint's generation config, as engines do."""
    from transformers import GenerationConfig

    try:
        ids = GenerationConfig.from_pretrained(model).eos_token_id
    except OSError:  # the file is optional
        ids = None
    configured: Sequence[int] = ids if isinstance(ids, list) else [] if ids is None else [ids]
    return {*configured, tokenizer.eos_token_id}
