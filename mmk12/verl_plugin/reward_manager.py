"""Pays responses inside verl by our verifier, in a worker process that is killed when it takes too long.

verl runs a reward function in a thread without a deadline, hands it no token counts, and forgets what else it says
during training. A reward manager, verl's own hook, sees the tokens; `curves` picks up what it says.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from verl.experimental.reward_loop.reward_manager.base import RewardManagerBase

from mmk12.types import Verdict
from mmk12.verifier.pool import Pool
from mmk12.verl_plugin.reward_fields import DATA_SOURCE, reward_fields, verify_row_of


class RewardManager(RewardManagerBase):  # type: ignore[misc]
    """For verl's `reward.reward_manager`, source `importlib`; one in each of its reward workers."""

    def __init__(self, config: Any, tokenizer: Any, compute_score: Any, **_: Any) -> None:
        super().__init__(config, tokenizer, compute_score)
        self._stops = find_end_marks(tokenizer, config.actor_rollout_ref.model.path)
        # Pools are for one thread at a time; while it waits, verl's event loop goes on.
        self._thread = ThreadPoolExecutor(1)
        self._pools: dict[str, Pool] = {}

    async def run_single(self, data: Any) -> dict[str, Any]:
        """The reward of one response, as verl's agent loop asks for it."""
        item = data[-1]
        columns = item.non_tensor_batch
        padded = item.batch["responses"]
        ids = padded[: int(item.batch["attention_mask"][-len(padded) :].sum())].tolist()
        response = self.tokenizer.decode(ids, skip_special_tokens=True)
        profile = columns["data_source"].removeprefix(DATA_SOURCE)
        asked = verify_row_of(response, columns["reward_model"]["ground_truth"], columns.get("extra_info") or {})
        verdict = await self.loop.run_in_executor(self._thread, self._verdict, asked, profile)
        told = reward_fields(verdict, length=len(ids), truncated=not ids or ids[-1] not in self._stops)
        return {"reward_score": told["score"], "reward_extra_info": told}

    def _verdict(self, asked: dict[str, Any], profile: str) -> Verdict:
        pool = self._pools.get(profile) or self._pools.setdefault(profile, Pool(1, profile))
        [verdict] = pool.map([asked])
        return verdict


def find_end_marks(tokenizer: Any, model: str) -> Collection[int]:
    """The tokens that end a response: those of the checkpoint's generation config, as engines use them."""
    from transformers import GenerationConfig

    try:
        ids = GenerationConfig.from_pretrained(model).eos_token_id
    except OSError:  # the file is optional
        ids = None
    found: Sequence[int] = ids if isinstance(ids, list) else [] if ids is None else [ids]
    return {*found, tokenizer.eos_token_id}
