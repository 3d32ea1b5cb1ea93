"""Two parts of the algorithm that verl lacks: whitened RLOO advantages, and the filter that drops uniform groups.

verl's `rloo` is the paper's A_i = r_i - mean of the other r_j (arXiv 2503.07365, section 2.3). The released code then
whitens over all tokens of the rollout batch (upstream: `openrlhf/trainer/ppo_trainer.py`, `normalize("advantages")`),
which the paper does not mention. The filter is the online filter of its figure 8: prompts whose rollouts are all right
or all wrong leave the step, and the batch shrinks; verl can only replace them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from mmk12.verl_plugin.patching import replace_method
from mmk12.verl_plugin.step_metrics import prompt_id, read_rewards

WHITENED = "rloo_whiten"
"""The estimator's name in verl's key `algorithm.adv_estimator`."""


def whiten_advantages(advantages: Any, mask: Any) -> Any:
    """Returns `advantages` with mean 0 and variance 1 over the tokens where `mask` is 1; both are batch x tokens."""
    count = mask.sum()
    mean = (advantages * mask).sum() / count
    variance = ((advantages - mean).square() * mask).sum() / count
    return (advantages - mean) * variance.clamp_min(1e-8).rsqrt() * mask


def patch_advantages(core_algos: Any) -> None:
    """Registers the estimator beside verl's own; `core_algos` is verl's module."""
    rloo = core_algos.get_adv_estimator_fn("rloo")

    def rloo_whiten(token_level_rewards: Any, response_mask: Any, index: Any, **_: Any) -> tuple[Any, Any]:
        advantages, _ = rloo(token_level_rewards=token_level_rewards, response_mask=response_mask, index=index)
        whitened = whiten_advantages(advantages, response_mask)
        return whitened, whitened  # verl expects (advantages, returns)

    core_algos.register_adv_est(WHITENED)(rloo_whiten)


def is_informative(prompts: Sequence[str], accuracies: Sequence[float]) -> list[bool]:
    """Returns for each rollout whether the rollouts of its prompt differ in accuracy."""
    by_prompt: dict[str, set[float]] = defaultdict(set)
    for prompt, accuracy in zip(prompts, accuracies, strict=True):
        by_prompt[prompt].add(accuracy)
    return [len(by_prompt[prompt]) > 1 for prompt in prompts]


def patch_group_filter(trainer: Any) -> None:
    """Inserts the filter between rollouts and update; `trainer` is the module of verl's trainers."""
    queue = trainer.tq
    parameters = ["self", "batch", "metrics", "logging_prefix", "keep_minibatch"]
    replace_method(trainer.PPOTrainer, "_balance_batch", parameters, lambda original: _filter_first(original, queue))


def _filter_first(original: Any, queue: Any) -> Any:
    def balance(self: Any, batch: Any, metrics: Any, *others: Any, **named: Any) -> Any:
        if self.config.get("mmk12", {}).get("drop_uniform", False):
            batch, share = _drop_uniform(queue, batch)
            metrics["reward/prompts/dropped"] = share
        return original(self, batch, metrics, *others, **named)

    return balance


def _drop_uniform(queue: Any, batch: Any) -> tuple[Any, float]:
    """Returns `batch` without the rollouts of uniform groups, and their share; they are removed from the queue as well.

    A step in which all groups are uniform is not changed: its advantages are nearly 0, and verl cannot skip a step.
    """
    prompts = [prompt_id(key) for key in batch.keys]
    rewards = read_rewards(queue, batch.keys, batch.partition_id)
    informative = is_informative(prompts, [row["acc"] for row, _ in rewards])
    kept = [key for key, keep in zip(batch.keys, informative, strict=True) if keep]
    dropped = [key for key, keep in zip(batch.keys, informative, strict=True) if not keep]
    share = len(dropped) / len(batch.keys)
    if not kept or not dropped:
        return batch, share
    queue.kv_clear(keys=dropped, partition_id=batch.partition_id)
    return batch.select_keys(kept), share
