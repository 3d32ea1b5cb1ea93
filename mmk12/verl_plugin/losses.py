"""Two policy losses that verl lacks or has with another scale, registered beside its own for `policy_loss.loss_mode`.

`cpgd` is the MM-Eureka authors' later method (arXiv 2505.12504, eq. 2); its settings use fields that verl has:

    clip_ratio_low, clip_ratio_high    the clip e of the log ratio, in ratios: [ln(1 - e_low), ln(1 + e_high)]
    policy_loss.ppo_kl_coef            the weight alpha of the policy drift
    clip_ratio_c                       1 + c, where c caps the drift's ratio minus 1

`gmpo` is geometric-mean policy optimization (arXiv 2507.20673, section 4). verl's own `geo_mean` takes the mean over a
micro-batch, and the engine adds micro-batches, so its loss grows with their number; here it is aggregated like others.

All tensors are sequences x tokens; a loss returns a scalar and metrics, as verl asks for.
"""

from __future__ import annotations

import math
from typing import Any

Loss = tuple[Any, dict[str, float]]


def compute_cpgd_loss(core_algos: Any, old: Any, new: Any, advantages: Any, mask: Any, mode: str, config: Any) -> Loss:
    """Returns the loss of CPGD: the clipped policy gradient of the log ratio, and the drift.

    The clip bounds the log ratio and no ratio multiplies the gradient, so a token far from the old policy cannot
    dominate an update. The drift's gradient is that of the k3 estimator of KL(old || new), its ratio capped. `old` and
    `new` are log-probabilities, `core_algos` is verl's module.
    """
    import torch

    weights = mask.float()
    log_ratio = new - old
    low, high = math.log(1 - config.clip_ratio_low), math.log(1 + config.clip_ratio_high)
    gain = torch.minimum(log_ratio * advantages, log_ratio.clamp(low, high) * advantages)
    ratio = log_ratio.detach().exp()
    drift = (ratio - 1).clamp(max=config.clip_ratio_c - 1) * new
    losses = config.policy_loss.ppo_kl_coef * drift - gain
    loss = core_algos.agg_loss(loss_mat=losses, loss_mask=weights, loss_agg_mode=mode, **config.global_batch_info)
    clipped = ((advantages > 0) & (log_ratio > high)) | ((advantages < 0) & (log_ratio < low))
    return loss, {
        "actor/pg_clipfrac": _mean(clipped.float(), weights),
        "actor/ppo_kl": _mean(-log_ratio, weights),
        "actor/drift": _mean(ratio - 1 - log_ratio, weights),
    }


def compute_gmpo_loss(core_algos: Any, old: Any, new: Any, advantages: Any, mask: Any, mode: str, config: Any) -> Loss:
    """Returns the loss of GMPO: the geometric mean of a sequence's clipped ratios, times its advantage.

    The clip bounds the log ratio itself. Every sequence counts alike, so `mode` must be a mean over sequences. The
    advantage of a sequence is that of its tokens, which must be one.
    """
    import torch

    weights = mask.float()
    lengths = weights.sum(-1).clamp(min=1)
    log_ratio = new - old
    clamped = log_ratio.clamp(-config.clip_ratio_low, config.clip_ratio_high)
    sign = advantages.sign()
    smaller = sign * torch.minimum(sign * log_ratio, sign * clamped)
    ratio = ((smaller * weights).sum(-1) / lengths).exp()
    advantage = (advantages * weights).sum(-1) / lengths
    losses = (-advantage * ratio)[:, None].expand_as(weights)
    loss = core_algos.agg_loss(loss_mat=losses, loss_mask=weights, loss_agg_mode=mode, **config.global_batch_info)
    return loss, {
        "actor/pg_clipfrac": _mean((smaller != log_ratio).float(), weights),
        "actor/ppo_kl": _mean(-log_ratio, weights),
    }


def patch_losses(core_algos: Any) -> None:
    """Registers both losses; `core_algos` is verl's module."""
    for name, compute in (("cpgd", compute_cpgd_loss), ("gmpo", compute_gmpo_loss)):
        core_algos.register_policy_loss(name)(_adapt(core_algos, compute))


def _adapt(core_algos: Any, compute: Any) -> Any:
    """Returns a loss with the parameters that verl calls it with."""

    def loss(
        old_log_prob: Any,
        log_prob: Any,
        advantages: Any,
        response_mask: Any,
        loss_agg_mode: str = "token-mean",
        config: Any = None,
        rollout_is_weights: Any = None,
    ) -> Loss:
        if rollout_is_weights is not None:
            advantages = advantages * rollout_is_weights
        result: Loss = compute(core_algos, old_log_prob, log_prob, advantages, response_mask, loss_agg_mode, config)
        return result

    return loss


def _mean(values: Any, weights: Any) -> float:
    return float((values.detach() * weights).sum() / weights.sum().clamp(min=1))
