"""Estimates a training job from its recipe: the number of steps and updates, and the memory of one GPU.

OpenRLHF's `train_batch_size` counts samples, verl's `ppo_mini_batch_size` counts prompts. The paper's 64 samples are
8 prompts of 8 rollouts, so a step of 128 prompts has 16 updates, not 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mmk12.errors import BadRecipe
from mmk12.recipes.schema import Finetuning, Hardware, Training

GIB = 2**30


@dataclass(frozen=True, slots=True)
class StepCounts:
    """The size of a step in samples, and the number of steps; `total` is None if the number of rows is unknown."""

    samples_per_step: int
    prompts_per_update: int
    updates_per_step: int
    total: int | None


def count_steps(train: Training | Finetuning, hardware: Hardware, rows: int | None) -> StepCounts:
    """Returns the steps of a run over `rows` training rows. Raises `BadRecipe` if batch sizes do not divide."""
    gpus = hardware.nodes * hardware.gpus
    if isinstance(train, Finetuning):
        if hardware.nodes > 1:
            raise BadRecipe(f"Fine-tuning runs on one node, and hardware.nodes is {hardware.nodes}.")
        _require_divisor(gpus * hardware.micro_batch, train.batch, "sft.batch", "GPUs times hardware.micro_batch")
        return StepCounts(train.batch, train.batch, 1, _count_total(train, train.batch, rows))
    samples = train.prompts_per_step * train.rollouts
    _require_divisor(train.rollouts, train.samples_per_update, "train.samples_per_update", "train.rollouts")
    prompts = train.samples_per_update // train.rollouts
    _require_divisor(prompts, train.prompts_per_step, "train.prompts_per_step", "the prompts of one update")
    _require_divisor(gpus, train.samples_per_update, "train.samples_per_update", "the number of GPUs")
    _require_divisor(hardware.tensor_parallel, hardware.gpus, "hardware.gpus", "hardware.tensor_parallel")
    updates = samples // train.samples_per_update
    return StepCounts(samples, prompts, updates, _count_total(train, train.prompts_per_step, rows))


def _count_total(train: Training | Finetuning, rows_per_step: int, rows: int | None) -> int | None:
    if rows is None:
        return train.steps
    steps = rows // rows_per_step
    if steps == 0:
        raise BadRecipe(
            f"{rows} training rows do not fill one step of {rows_per_step}. Build more data, or make the steps smaller."
        )
    return train.steps or steps * train.epochs


def _require_divisor(divisor: int, number: int, name: str, divisor_name: str) -> None:
    if number % divisor:
        raise BadRecipe(f"{name} is {number}, which {divisor_name} ({divisor}) does not divide.")


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """GiB per GPU during an update; `parameters` counts the whole model, `trained` those that are not frozen."""

    parameters: int
    trained: int
    weights: float
    gradients: float
    optimiser: float
    reference: float
    activations: float

    @property
    def update(self) -> float:
        """The peak of an update, in GiB."""
        return self.weights + self.gradients + self.optimiser + self.reference + self.activations


def estimate_memory(config: Mapping[str, Any], train: Training | Finetuning, hardware: Hardware) -> MemoryEstimate:
    """Estimates the memory of training a model with that config.json (HF-native InternVL or Qwen-VL).

    FSDP shards weights, gradients and the two moments of Adam (float32) over all GPUs; the working copy is bfloat16.
    Raises `KeyError` for a config that lacks a key.
    """
    text = config.get("text_config", config)
    vision = config.get("vision_config", {})
    language, tower = _count_decoder(text), _count_encoder(vision)
    trained = language + (0 if train.freeze_vision else tower)
    total, gpus = language + tower, hardware.nodes * hardware.gpus
    moment_bytes = 0.0 if hardware.offload else 8.0
    has_reference = isinstance(train, Training) and train.kl > 0
    tokens = hardware.micro_batch * (train.max_prompt + train.max_response)
    layers, width = int(text["num_hidden_layers"]), int(text["hidden_size"])
    checkpoints = 2 * tokens * width * layers
    one_layer = 2 * tokens * (8 * width + 3 * int(text["intermediate_size"]))
    logits = 6 * tokens * int(text["vocab_size"])
    largest_layer = 2 * (language - _count_embeddings(text)) / layers
    return MemoryEstimate(
        parameters=total,
        trained=trained,
        weights=(4 * total / gpus + largest_layer) / GIB,
        gradients=4 * trained / gpus / GIB,
        optimiser=moment_bytes * trained / gpus / GIB,
        reference=(0.0 if not has_reference or hardware.offload else 2 * total / gpus) / GIB,
        activations=(checkpoints + one_layer + logits) / GIB,
    )


def _count_decoder(text: Mapping[str, Any]) -> int:
    width, inner, layers = int(text["hidden_size"]), int(text["intermediate_size"]), int(text["num_hidden_layers"])
    heads = int(text["num_attention_heads"])
    kv_heads = int(text.get("num_key_value_heads") or heads)
    attention = 2 * width * width + 2 * width * width * kv_heads // heads
    return _count_embeddings(text) + layers * (attention + 3 * width * inner)


def _count_embeddings(text: Mapping[str, Any]) -> int:
    """Returns the parameters of the input embeddings, and of the output layer if it is not the same matrix."""
    tables = 1 if text.get("tie_word_embeddings") else 2
    return tables * int(text["vocab_size"]) * int(text["hidden_size"])


def _count_encoder(vision: Mapping[str, Any]) -> int:
    if not vision:
        return 0
    width = int(vision["hidden_size"])
    layers = int(vision.get("num_hidden_layers") or vision["depth"])
    return layers * (4 * width * width + 2 * width * int(vision["intermediate_size"]))
