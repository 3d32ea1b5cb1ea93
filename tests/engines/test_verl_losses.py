"""Every loss that a recipe can name, on real verl, against values worked out by hand on one small batch.

Two samples of three and two tokens; all old log-probabilities are -1, the ratios are 1.5, 1, 0.5 and 0.5, 2, the
advantages +1 and -1. The values were worked out from each paper's formula (docs/training.md names them).
"""

import os
import warnings
from types import SimpleNamespace

import pytest
import torch

os.environ |= {"MMK12_VERL": "1", "VERL_PLATFORM": "cpu"}  # before verl is imported

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from verl.trainer.ppo import core_algos
    from verl.workers.config import ActorConfig, PolicyLossConfig

MASK = torch.tensor([[1, 1, 1], [1, 1, 0]], dtype=torch.bool)
RATIOS = torch.tensor([[1.5, 1.0, 0.5], [0.5, 2.0, 1.0]])
ADVANTAGES = torch.tensor([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]]) * MASK
SAMPLE, TOKEN, CONSTANT = "seq-mean-token-mean", "token-mean", "seq-mean-token-sum-norm"

CASES = {
    "PPO-clip, mean of samples": ("vanilla", SAMPLE, {}, 0.25),
    "PPO-clip, mean of tokens": ("vanilla", TOKEN, {}, 0.02),
    "dual clip": ("vanilla", TOKEN, {"clip_ratio_c": 1.5}, -0.08),
    "clip-higher": ("vanilla", TOKEN, {"clip_ratio_high": 0.28}, 0.004),
    "Dr. GRPO": ("vanilla", CONSTANT, {"loss_scale_factor": 10}, 0.005),
    "GSPO": ("gspo", SAMPLE, {"clip_ratio_low": 3e-4, "clip_ratio_high": 4e-4}, 0.045720),
    "CISPO": ("cispo", TOKEN, {"clip_ratio_low": 10, "clip_ratio_high": 0.2}, 0.269044),
    "SAPO": ("sapo", SAMPLE, {"tau_pos": 1.0, "tau_neg": 1.05}, 0.059484),
    "GMPO": ("gmpo", SAMPLE, {"clip_ratio_low": 0.4, "clip_ratio_high": 0.4}, 0.125477),
    "CPGD without drift": ("cpgd", SAMPLE, {"clip_ratio_c": 3.0, "alpha": 0.0}, 0.202639),
    "CPGD, drift 0.01": ("cpgd", SAMPLE, {"clip_ratio_c": 3.0, "alpha": 0.01}, 0.204903),
    "CPGD, drift 0.1": ("cpgd", SAMPLE, {"clip_ratio_c": 3.0, "alpha": 0.1}, 0.225287),
    "CPGD, mean of tokens": ("cpgd", TOKEN, {"clip_ratio_c": 3.0, "alpha": 0.1}, 0.217946),
    "KL-Cov": ("kl_cov", TOKEN, {"alpha": 1.0, "kl_cov_ratio": 0.2}, 0.038629),
}
GRADIENTS = {
    "PPO-clip, mean of tokens": [[0, -0.2, -0.1], [0, 0.4, 0]],
    "GMPO": [[0, -0.151151, -0.151151], [0, 0.289465, 0]],
    "CISPO": [[-0.24, -0.2, -0.1], [0.1, 0.24, 0]],
    "CPGD, drift 0.1": [[0.008333, -0.166667, -0.175], [-0.0125, 0.275, 0]],
}


def compute(mode, mean, alpha=None, kl_cov_ratio=None, **fields):
    """The loss, its gradient with respect to the log-probabilities, and its metrics."""
    policy = {"loss_mode": mode}
    policy |= {"ppo_kl_coef": alpha} if alpha is not None else {}
    policy |= {"kl_cov_ratio": kl_cov_ratio} if kl_cov_ratio is not None else {}
    fields = {"clip_ratio": 0.2, "clip_ratio_low": 0.2, "clip_ratio_high": 0.2, "clip_ratio_c": 10_000.0, **fields}
    config = ActorConfig(
        strategy="fsdp2",
        rollout_n=2,
        ppo_mini_batch_size=2,
        ppo_micro_batch_size_per_gpu=2,
        policy_loss=PolicyLossConfig(**policy),
        loss_agg_mode=mean,
        **fields,
    )
    config.global_batch_info.update(
        dp_size=1, batch_num_tokens=5, global_batch_size=2, loss_scale_factor=fields.get("loss_scale_factor")
    )
    old = torch.full(RATIOS.shape, -1.0)
    new = (old + RATIOS.log()).requires_grad_()
    loss, metrics = core_algos.get_policy_loss_fn(mode)(
        old_log_prob=old,
        log_prob=new,
        advantages=ADVANTAGES,
        response_mask=MASK,
        loss_agg_mode=mean,
        config=config,
        rollout_is_weights=None,
    )
    loss.backward()
    return loss.item(), new.grad, metrics


@pytest.mark.parametrize("name", CASES)
def test_the_value_worked_out_by_hand(name):
    mode, mean, fields, expected = CASES[name]
    assert compute(mode, mean, **fields)[0] == pytest.approx(expected, abs=2e-6)


@pytest.mark.parametrize("name", GRADIENTS)
def test_the_gradient_worked_out_by_hand(name):
    mode, mean, fields, _ = CASES[name]
    gradient = compute(mode, mean, **fields)[1]
    assert torch.allclose(gradient, torch.tensor(GRADIENTS[name], dtype=torch.float32), atol=2e-6)


def test_the_drift_of_cpgd_is_capped_and_told():
    """With c = 0.2 the first and the fifth gradient are those of a ratio of 1.2."""
    _, gradient, metrics = compute("cpgd", SAMPLE, clip_ratio_c=1.2, alpha=0.1)
    assert gradient[0, 0] == pytest.approx(0.1 * 0.2 / 6, abs=1e-6)
    assert gradient[1, 1] == pytest.approx(0.25 + 0.1 * 0.2 / 4, abs=1e-6)
    assert metrics["actor/drift"] == pytest.approx(0.157536, abs=1e-6)  # the mean of r - 1 - ln r over five tokens
    assert metrics["actor/pg_clipfrac"] == pytest.approx(2 / 5)


def test_gmpo_does_not_grow_with_the_number_of_micro_batches():
    """The engine adds the losses of micro-batches: two of one sample must make what one of two makes."""
    config = SimpleNamespace(
        clip_ratio_low=0.4, clip_ratio_high=0.4, global_batch_info={"dp_size": 1, "global_batch_size": 2}
    )
    old = torch.full(RATIOS.shape, -1.0)
    new = old + RATIOS.log()
    loss = core_algos.get_policy_loss_fn("gmpo")
    parts = [
        loss(
            old_log_prob=old[row],
            log_prob=new[row],
            advantages=ADVANTAGES[row],
            response_mask=MASK[row],
            loss_agg_mode=SAMPLE,
            config=config,
        )[0]
        for row in (slice(0, 1), slice(1, 2))
    ]
    assert sum(parts).item() == pytest.approx(0.125477, abs=2e-6)
