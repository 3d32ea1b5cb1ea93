"""RLOO with whitened advantages: what the released code computes, and the paper does not mention.

verl's `rloo` is the paper's A_i = r_i - mean of the other r_j (arXiv 2503.07365, section 2.3). The released code then
whitens over all tokens of the rollout batch (upstream: `openrlhf/trainer/ppo_trainer.py`, `normalize("advantages")`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from mmk12.verl_plugin.patching import replace_method
from mmk12.verl_plugin.step_metrics import prompt_id, read_field

WHITENED = "rloo_whiten"
"""The name for verl's key `algorithm.adv_estimator`."""


def whiten_advantages(advantages: Any, mask: Any) -> Any:
    """`advantages` with mean 0 and variance 1 over the tokens where `mask` is 1; both batch x tokens."""
    count = mask.sum()
    mean = (advantages * mask).sum() / count
    variance = ((advantages - mean).square() * mask).sum() / count
    return (advantages - mean) * variance.clamp_min(1e-8).rsqrt() * mask


def patch_advantages(core_algos: Any) -> None:
    """Registers the estimator beside verl's own."""
    plain = core_algos.get_adv_estimator_fn("rloo")

    def rloo_whiten(token_level_rewards: Any, response_mask: Any, index: Any, **_: Any) -> tuple[Any, Any]:
        found, _returns = plain(token_level_rewards=token_level_rewards, response_mask=response_mask, index=index)
        advantages = whiten_advantages(found, response_mask)
        return advantages, advantages

    core_algos.register_adv_est(WHITENED)(rloo_whiten)


# The online filter of figure 8 (arXiv 2503.07365): prompts whose rollouts are all right or all wrong leave the step.


def is_informative(prompts: Sequence[str], accuracies: Sequence[float]) -> list[bool]:
    """For each rollout, whether the rollouts of its prompt differ in accuracy."""
    found: dict[str, set[float]] = defaultdict(set)
    for prompt, accuracy in zip(prompts, accuracies, strict=True):
        found[prompt].add(accuracy)
    return [len(found[prompt]) > 1 for prompt in prompts]


def patch_group_filter(trainer: Any) -> None:
    """Filters between rollouts and update; `trainer` is the module of verl's trainers."""
    queue = trainer.tq
    parameters = ["self", "batch", "metrics", "logging_prefix", "keep_minibatch"]
    replace_method(trainer.PPOTrainer, "_balance_batch", parameters, lambda original: _filtering(original, queue))


def _filtering(original: Any, queue: Any) -> Any:
    def balance(self: Any, batch: Any, metrics: Any, *others: Any, **named: Any) -> Any:
        if self.config.get("mmk12", {}).get("drop_uniform", False):
            batch, share = _dropped(queue, batch)
            metrics["reward/prompts/dropped"] = share
        return original(self, batch, metrics, *others, **named)

    return balance


def _dropped(queue: Any, batch: Any) -> tuple[Any, float]:
    """`batch` without uniform groups, which leave the queue, too, and their share. A step in which all are uniform
    stays as it is: it has nearly no advantages, and verl knows no empty step."""
    prompts = [prompt_id(key) for key in batch.keys]
    differs = is_informative(prompts, [row["acc"] for row, _ in read_field(queue, batch.keys, batch.partition_id)])
    kept = [key for key, differ in zip(batch.keys, differs, strict=True) if differ]
    dropped = [key for key, differ in zip(batch.keys, differs, strict=True) if not differ]
    share = len(dropped) / len(batch.keys)
    if not kept or not dropped:
        return batch, share
    queue.kv_clear(keys=dropped, partition_id=batch.partition_id)
    return batch.select_keys(kept), share
