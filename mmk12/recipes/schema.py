"""The keys of a recipe, with their defaults and bounds. A recipe is one experiment: data, prompt, reward and training.

Recipes are YAML because that is pure data, and they are read strictly: an unknown key, a duplicate key or a value out
of range raises `BadRecipe` with the key and the nearest known one. Imports neither torch nor verl, so a recipe can be
checked anywhere.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from mmk12.errors import BadRecipe
from mmk12.inference import prompts
from mmk12.recipes.data_schema import Data, check_known
from mmk12.utils.config import FrozenModel
from mmk12.verifier import PROFILES, Penalties
from mmk12.verifier.profiles import with_fallback

Count = Annotated[int, Field(strict=True, gt=0)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Beta = Annotated[float, Field(ge=0, lt=1)]
Switch = Annotated[bool, Field(strict=True)]

Advantage = Literal["rloo", "rloo_whitened", "grpo", "grpo_plain", "reinforce_baseline"]
Loss = Literal["ppo", "gspo", "gmpo", "cispo", "sapo", "cpgd", "clip_cov", "kl_cov"]
FreezeVision = Literal["none", "tower", "all"]
Logger = Literal["tensorboard", "wandb", "swanlab", "mlflow"]

CLIPS: dict[str, tuple[float, float]] = {
    "ppo": (0.2, 0.2),
    "gspo": (3e-4, 4e-4),  # of the ratio of a whole sequence (arXiv 2507.18071, section 5.1)
    "gmpo": (0.4, 0.4),  # of the log ratio (arXiv 2507.20673)
    "cispo": (10.0, 4.0),  # caps a weight at 5 and bounds nothing below (arXiv 2506.13585; cap of ScaleRL)
    "cpgd": (0.2, 0.2),
    "clip_cov": (1.0, 1.0),  # arXiv 2505.22617
}
"""The clip of each loss by default, below and above: each loss means another quantity by it. `sapo` and `kl_cov` have
none."""
OnlineFilter = Literal["off", "drop", "refill"]


class Tiling(FrozenModel):
    """How an image is cut into tiles for the vision tower, at `most` so many; for dataset, actor and rollouts alike."""

    crop: Switch = True
    most: Count = 12


class Pixels(FrozenModel):
    """The bounds of an image's area in pixels, between which the processors of Qwen-VL scale it; both, or they refuse.

    A token of the prompt is 28 x 28 pixels of Qwen2.5-VL, 32 x 32 of Qwen3-VL.
    """

    min: Count
    max: Count

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _refuse((self.min > self.max, f"min {self.min} is above max {self.max}"))
        return self


def _default_loggers() -> list[Logger]:
    return ["tensorboard"]


class Learning(FrozenModel):
    """The keys of every kind of training. Lengths are in tokens; `steps: null` trains for `epochs` over the data.

    `max_prompt` counts image tokens, as verl does: a picture of 12 tiles and a thumbnail has 3,328 of them.
    `tiling` is for InternVL (null: 12 tiles), `pixels` for Qwen-VL. `freeze_vision: tower` trains the projector (Qwen's
    merger) and the language model, `all` the language model alone, `none` everything.
    `schedule` is how the learning rate falls after the `warmup`, a share of all steps: not at all, or along a cosine to
    `min_lr` times its value. `betas` are Adam's. The last `keep_checkpoints` checkpoints can be resumed; with
    `keep_weights` the weights of all others stay, too. `logging` names the loggers beside verl's console and file.
    """

    learning_rate: Positive = 3e-7
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: Share = 0.0
    min_lr: Share = 0.0
    betas: list[Beta] = Field(default_factory=lambda: [0.9, 0.999], min_length=2, max_length=2)
    weight_decay: NotNegative = 0.0
    gradient_clip: Positive = 1.0
    freeze_vision: FreezeVision = "tower"
    max_prompt: Count = 4096
    max_response: Count = 4096
    tiling: Tiling | None = None
    pixels: Pixels | None = None
    seed: Annotated[int, Field(strict=True, ge=0)] = 1
    epochs: Count = 1
    steps: Count | None = None
    validate_every: Count | None = None
    checkpoint_every: Count = 50
    keep_checkpoints: Count = 2
    keep_weights: Switch = False
    logging: list[Logger] = Field(default_factory=_default_loggers)

    @model_validator(mode="after")
    def _have_an_effect(self) -> Self:
        _refuse(
            (self.min_lr > 0 and self.schedule == "constant", "min_lr is the end of a schedule: schedule: cosine"),
            (
                self.tiling is not None and self.pixels is not None,
                "tiling is for InternVL and pixels for Qwen-VL; remove one of them",
            ),
        )
        return self

    @property
    def image_settings(self) -> dict[str, Any]:
        """What is passed to the image processor, always in full: the processor remembers what it was given."""
        if self.pixels is not None:
            return {"min_pixels": self.pixels.min, "max_pixels": self.pixels.max}
        tiling = self.tiling or Tiling()
        return {"crop_to_patches": tiling.crop, "max_patches": tiling.most}


class RolloutCorrection(FrozenModel):
    """Importance weights between the rollout engine and the actor, truncated at `threshold` (TIS).

    With `least`, weights outside of [`least`, `threshold`] are 0 instead (IcePop).
    """

    by: Literal["token", "sequence"] = "token"
    threshold: Annotated[float, Field(gt=1)] = 2.0
    least: Annotated[float, Field(gt=0, lt=1)] | None = None


class Lora(FrozenModel):
    """Low-rank adapters in the language model; all other weights, the projector too, stay as they are."""

    rank: Literal[1, 8, 16, 32, 64, 128, 256] = 32
    alpha: Count = 64


class Training(Learning):
    """Reinforcement learning (arXiv 2503.07365, sections 2.3 and 3.1). The defaults are those of MM-Eureka-8B.

    A step draws `rollouts` completions of each of `prompts_per_step` prompts and makes one update per
    `samples_per_update` of them. `advantage`: `rloo` is the paper's, `rloo_whitened` the released code's, `grpo_plain`
    GRPO without its division by the standard deviation (Dr. GRPO), `reinforce_baseline` that of REINFORCE++.
    `loss`: `ppo` is the paper's; `docs/training.md` has a line on each of the others. `clip` and `clip_high` are its
    bounds below and above; null is those of its authors (`CLIPS`). `loss_mean` averages over the tokens of each
    sample first, over all tokens of an update at once, or sums them and divides by `loss_constant` (null: by
    `max_response`). `drift` weighs CPGD's policy drift, and `drift_cap` bounds its ratio minus 1. `rollout_correction`
    weighs tokens or sequences by how far the actor is from the engine that wrote them, at most by its `threshold`.
    `ratio_cap` bounds the policy ratio where the advantage is negative (dual clip); null is plain PPO-clip. `kl` weighs
    the KL penalty in the loss; 0 needs no reference model. `max_model_len` bounds prompt and response together, so that
    a long prompt leaves less for its response; null is the sum of both bounds. `shuffle_updates` draws the samples of
    each update at random from the step, as the released code does. `online_filter` is for prompts whose rollouts are
    all right or all wrong: `drop` removes them from the step, `refill` replaces them by others. The job ends when more
    than the share `max_failed` of a step's prompts lost rollouts to errors.
    """

    prompts_per_step: Count = 128
    rollouts: Annotated[int, Field(strict=True, gt=1)] = 8
    samples_per_update: Count = 64
    advantage: Advantage = "rloo"
    loss: Loss = "ppo"
    clip: Positive | None = None
    clip_high: Positive | None = None
    ratio_cap: Annotated[float, Field(gt=1)] | None = None
    loss_mean: Literal["sample", "token", "constant"] = "sample"
    loss_constant: Count | None = None
    drift: NotNegative | None = None
    drift_cap: Positive | None = None
    rollout_correction: RolloutCorrection | None = None
    lora: Lora | None = None
    kl: NotNegative = 0.0
    max_model_len: Count | None = None
    shuffle_updates: Switch = False
    temperature: Positive = 1.0
    online_filter: OnlineFilter = "off"
    max_failed: Share = 0.1
    shuffle: Switch = True

    @property
    def clips(self) -> tuple[float, float] | None:
        """The bounds below and above, None for a loss without; `clip` alone bounds both sides of a symmetric loss."""
        if self.loss not in CLIPS:
            return None
        low, high = CLIPS[self.loss]
        below = self.clip or low
        return below, self.clip_high or (below if low == high else high)

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        """Raises `ValueError` for settings that have no effect together, or another than they seem to have."""
        loss, whole = self.loss, self.loss in ("gspo", "gmpo")
        below = self.clips[0] if self.clips is not None else 0.0
        _refuse(
            (loss in ("ppo", "gspo", "cpgd") and below >= 1, f"clip {below:g} of {loss} must be below 1"),
            (self.clips is None and (self.clip or self.clip_high) is not None, f"the loss {loss} has no clip"),
            (self.drift is not None and loss != "cpgd", "drift is a part of the loss cpgd"),
            (self.drift_cap is not None and loss != "cpgd", "drift_cap is a part of the loss cpgd"),
            (self.ratio_cap is not None and loss != "ppo", f"ratio_cap has no effect on the loss {loss}"),
            (whole and self.loss_mean != "sample", f"the loss {loss} is one of whole samples: loss_mean: sample"),
            (loss == "sapo" and self.loss_mean != "sample", "the loss sapo always takes loss_mean: sample"),
            (
                self.loss_constant is not None and self.loss_mean != "constant",
                "loss_constant is the divisor of loss_mean: constant",
            ),
            (
                whole and self.rollout_correction is not None and self.rollout_correction.by == "token",
                f"the loss {loss} is one of whole samples: rollout_correction.by: sequence",
            ),
            (
                self.lora is not None and self.freeze_vision == "none",
                "lora trains the language model alone: freeze_vision: all",
            ),
            (
                self.max_model_len is not None and self.max_model_len <= self.max_prompt,
                f"max_model_len {self.max_model_len} leaves a prompt of max_prompt {self.max_prompt} no response",
            ),
        )
        return self


class Finetuning(Learning):
    """Supervised fine-tuning on the golds of the same rows: the baseline "SFT" of table 2.

    One update per `batch` samples. The response is the gold alone; `max_response` bounds it.
    """

    batch: Count = 128
    learning_rate: Positive = 1e-5
    max_response: Count = 512


class Hardware(FrozenModel):
    """The machines: `nodes` with `gpus` each.

    `tensor_parallel` GPUs share one rollout engine. A GPU processes `micro_batch` samples at once. `offload` keeps the
    optimiser in main memory between updates. `gpu_memory` is the share of a GPU that the rollout engine may take,
    `gpu_gib` the size of a GPU in GiB; null asks the driver. `attention` is the implementation in the actor: `auto`
    takes flash_attention_2 where the package flash-attn is installed, and torch's own (`sdpa`) elsewhere.
    """

    nodes: Count = 1
    gpus: Count = 8
    device: Literal["cuda", "cpu"] = "cuda"
    rollout: Literal["vllm", "hf_server"] = "vllm"
    tensor_parallel: Count = 1
    gpu_memory: Annotated[float, Field(gt=0, lt=1)] = 0.6
    gpu_gib: Positive | None = None
    micro_batch: Count = 1
    offload: Switch = True
    attention: Literal["auto", "sdpa", "flash_attention_2"] = "auto"


_BYPASS = "algorithm.rollout_correction.bypass_mode"
_LOSS_MODE = "actor_rollout_ref.actor.policy_loss.loss_mode"


class RewardPenalties(FrozenModel):
    """Deductions from the reward (`mmk12.verifier.Penalties` says what each value means); lengths are in tokens."""

    repetition: NotNegative = 0.0
    ngram: Count = 20
    overlong: NotNegative = 0.0
    limit: Annotated[int, Field(strict=True, ge=0)] = 0
    buffer: Annotated[int, Field(strict=True, ge=0)] = 0

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        Penalties(**self.model_dump())
        return self


class Reward(FrozenModel):
    """The verifier profile that pays a response (`mmk12 list profiles`), and deductions; null, the default, is none.

    `fallback: sympy` has sympy compare what the rules cannot read.
    """

    profile: str = "paper_instruct"
    fallback: Literal["sympy"] | None = None
    penalties: RewardPenalties | None = None

    @property
    def grader(self) -> str:
        """The name of the profile with its fallback, as every part of the package takes it."""
        return with_fallback(self.profile, self.fallback)

    @model_validator(mode="after")
    def _make_sense(self) -> Reward:
        if self.fallback and PROFILES[self.profile].released:
            raise ValueError(f"the profile {self.profile} has a grader of its own, and no fallback")
        return self

    @field_validator("profile")
    @classmethod
    def _known_profile(cls, name: str) -> str:
        return check_known("reward profile", name, PROFILES)


class Recipe(FrozenModel):
    """One experiment. `name` is the file's; keys that are left out have the defaults written here.

    `prompt` names a template of `mmk12.inference.prompts` (`mmk12 list prompts`). `model` is what training starts from:
    reinforcement learning (`train`) or fine-tuning on the golds (`sft`). `overrides` are verl keys, set after all
    others.
    """

    name: str
    about: str
    prompt: str = "instruct"
    reward: Reward = Reward()
    data: Data
    model: str | None = None
    train: Training | None = None
    sft: Finetuning | None = None
    hardware: Hardware = Hardware()
    overrides: dict[str, bool | int | float | str | list[Any] | None] = Field(default_factory=dict)

    @field_validator("prompt")
    @classmethod
    def _known_prompt(cls, name: str) -> str:
        return check_known("prompt", name, prompts.TEMPLATES)

    @model_validator(mode="after")
    def _make_sense(self) -> Self:
        """Raises `ValueError` for words of several sections that leave each other without effect."""
        train, hardware, penalties = self.train, self.hardware, self.reward.penalties
        if train is None:
            return self
        room, longest = train.max_model_len, train.max_prompt + train.max_response
        overlong = penalties is not None and penalties.overlong > 0
        start = penalties.limit - penalties.buffer if penalties is not None else 0
        bypass = self.overrides.get(_BYPASS) is True and self.overrides.get(_LOSS_MODE) != "bypass_mode"
        _refuse(
            (
                train.loss in ("clip_cov", "kl_cov") and hardware.micro_batch == 1,
                f"the loss {train.loss} compares the samples of a micro-batch, and hardware.micro_batch is 1",
            ),
            (
                train.lora is not None and hardware.rollout == "hf_server",
                "lora needs hardware.rollout: vllm; hf_server takes no adapters",
            ),
            (
                overlong and start >= train.max_response,
                f"reward.penalties.overlong begins at {start} tokens, and no response has more than max_response",
            ),
            (
                overlong and room is not None and room < longest,
                f"max_model_len {room} cuts responses to long prompts before reward.penalties.overlong sees them; "
                f"leave it out, or set {longest}",
            ),
            (
                bypass,
                f"overrides: {_BYPASS} drops verl's importance weights silently; set {_LOSS_MODE}=bypass_mode, too",
            ),
        )
        return self

    @property
    def image_settings(self) -> dict[str, Any]:
        """What the training passes to the image processor; nothing without one."""
        section = self.train or self.sft
        return {} if section is None else section.image_settings

    @property
    def training(self) -> Training | Finetuning:
        """The `train` or the `sft` section. Raises `BadRecipe` unless there is exactly one."""
        if self.train is not None and self.sft is not None:
            raise BadRecipe(f"{self.name} has a 'train' and an 'sft' section. Remove one: 'train: null'.")
        section = self.train or self.sft
        if section is None:
            raise BadRecipe(
                f"{self.name} only builds data: it has no 'train' section. mmk12 list recipes shows the others."
            )
        return section

    def with_seed(self, seed: int | None) -> Recipe:
        """Returns this recipe with another data seed, or itself for None."""
        if seed is None:
            return self
        if seed < 0:
            raise BadRecipe(f"The seed must be 0 or more, not {seed}.")
        return self.model_copy(update={"data": self.data.model_copy(update={"seed": seed})})


def _refuse(*rules: tuple[bool, str]) -> None:
    """Raises `ValueError` with the text of the first rule that is broken."""
    for broken, why in rules:
        if broken:
            raise ValueError(why)
