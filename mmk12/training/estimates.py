"""Counts the steps and updates of a training job from its recipe and the number of rows.

OpenRLHF's `train_batch_size` counts samples, verl's `ppo_mini_batch_size` counts prompts. The paper's 64 samples are
8 prompts of 8 rollouts, so a step of 128 prompts has 16 updates, not 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmk12.errors import BadRecipe
from mmk12.recipes.schema import Finetuning, Hardware, Training


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
