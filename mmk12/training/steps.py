"""What a recipe comes to: how many steps and updates, and what has to divide what.

The trap that this file exists for: OpenRLHF's `train_batch_size` counts samples, verl's `ppo_mini_batch_size` counts
prompts. The paper's 64 is 8 prompts of 8 rollouts: 16 updates a step, not 2.
"""

from __future__ import annotations

from dataclasses import dataclass

from mmk12.errors import BadRecipe
from mmk12.training.words import Finetuning, Hardware, Training


@dataclass(frozen=True, slots=True)
class Steps:
    """`total` is None while the number of training rows is not known."""

    samples_per_step: int
    prompts_per_update: int
    updates_per_step: int
    total: int | None


def count_steps(train: Training | Finetuning, hardware: Hardware, rows: int | None) -> Steps:
    """The steps of a run over `rows` training rows. Raises `BadRecipe` where batches do not divide."""
    gpus = hardware.nodes * hardware.gpus
    if isinstance(train, Finetuning):
        if hardware.nodes > 1:
            raise BadRecipe(f"Fine-tuning runs on one node, and hardware.nodes is {hardware.nodes}.")
        _divides(gpus * hardware.micro_batch, train.batch, "sft.batch", "GPUs times hardware.micro_batch")
        return Steps(train.batch, train.batch, 1, _total(train, train.batch, rows))
    samples = train.prompts_per_step * train.rollouts
    _divides(train.rollouts, train.samples_per_update, "train.samples_per_update", "train.rollouts")
    prompts = train.samples_per_update // train.rollouts
    _divides(prompts, train.prompts_per_step, "train.prompts_per_step", "the prompts of one update")
    _divides(gpus, train.samples_per_update, "train.samples_per_update", "the number of GPUs")
    _divides(hardware.tensor_parallel, hardware.gpus, "hardware.gpus", "hardware.tensor_parallel")
    return Steps(samples, prompts, samples // train.samples_per_update, _total(train, train.prompts_per_step, rows))


def _total(train: Training | Finetuning, each_step: int, rows: int | None) -> int | None:
    """`each_step` is how many rows a step takes."""
    if rows is None:
        return train.steps
    steps = rows // each_step
    if steps == 0:
        raise BadRecipe(
            f"{rows} training rows do not fill one step of {each_step}. Build more data, or make the steps smaller."
        )
    return train.steps or steps * train.epochs


def _divides(divisor: int, number: int, what: str, by: str) -> None:
    if number % divisor:
        raise BadRecipe(f"{what} is {number}, which {by} ({divisor}) does not divide.")
