"""What a recipe says about training, in the words of the algorithm: prompts, rollouts, updates, learning rate.

They are not verl's words on purpose. Two trainers call two things "batch size" (one counts samples, the other
prompts), and a recipe that was copied key by key from one to the other trains something else without an error.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mmk12.strict import Strict

Count = Annotated[int, Field(strict=True, gt=0)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Switch = Annotated[bool, Field(strict=True)]

Advantage = Literal["rloo", "rloo_whitened", "grpo"]
OnlineFilter = Literal["off", "drop", "refill"]


class Tiling(Strict):
    """How a picture is cut for the vision tower; one setting for dataset, actor and rollouts."""

    crop: Switch = True
    most: Count = 12


class Learning(Strict):
    """What every kind of training has. `steps` null is `epochs` over the data; lengths are in tokens."""

    learning_rate: Positive = 3e-7
    warmup: Share = 0.0
    weight_decay: NotNegative = 0.0
    gradient_clip: Positive = 1.0
    freeze_vision: Switch = True
    max_prompt: Count = 2048
    max_response: Count = 4096
    tiling: Tiling = Tiling()
    seed: Annotated[int, Field(strict=True, ge=0)] = 1
    epochs: Count = 1
    steps: Count | None = None
    validate_every: Count | None = None
    checkpoint_every: Count = 50
    keep_checkpoints: Count = 2


class Training(Learning):
    """Reinforcement learning (arXiv 2503.07365, sections 2.3 and 3.1). Defaults are those of MM-Eureka-8B.

    A step draws `rollouts` completions of each of `prompts_per_step` prompts and makes one update per
    `samples_per_update` of them. `advantage` `rloo_whitened` is the released code's, `rloo` the paper's. `loss_mean`
    averages over the tokens of each sample first, or over all tokens of an update at once. `ratio_cap` bounds the
    policy ratio where the advantage is negative (dual clip); null is plain PPO-clip. `kl` weighs the KL penalty in the
    loss; 0 needs no reference model. `online_filter` treats prompts whose rollouts are all right or all wrong:
    `drop` takes them out of the step, `refill` draws others in their place.
    """

    prompts_per_step: Count = 128
    rollouts: Annotated[int, Field(strict=True, gt=1)] = 8
    samples_per_update: Count = 64
    advantage: Advantage = "rloo"
    clip: Annotated[float, Field(gt=0, lt=1)] = 0.2
    ratio_cap: Annotated[float, Field(gt=1)] | None = None
    loss_mean: Literal["sample", "token"] = "sample"
    kl: NotNegative = 0.0
    temperature: Positive = 1.0
    online_filter: OnlineFilter = "off"
    shuffle: Switch = True


class Finetuning(Learning):
    """Supervised fine-tuning on the golds of the same rows: the baseline "SFT" of table 2.

    One update per `batch` samples. `max_response` bounds the demonstration, which is the gold alone.
    """

    batch: Count = 128
    learning_rate: Positive = 1e-5
    max_response: Count = 512


class Hardware(Strict):
    """Where it runs. `gpus` per node; `tensor_parallel` GPUs share one rollout engine; `micro_batch` samples go
    through a GPU at once; `offload` keeps the optimiser in main memory between updates."""

    nodes: Count = 1
    gpus: Count = 8
    device: Literal["cuda", "cpu"] = "cuda"
    rollout: Literal["vllm", "hf_server"] = "vllm"
    tensor_parallel: Count = 1
    gpu_memory: Annotated[float, Field(gt=0, lt=1)] = 0.6
    micro_batch: Count = 1
    offload: Switch = True
