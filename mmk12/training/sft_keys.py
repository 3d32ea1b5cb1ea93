"""A recipe's words for supervised fine-tuning as keys of verl 0.9.1's own SFT trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mmk12.recipe import Recipe
from mmk12.training.hydra import Keys
from mmk12.training.steps import Steps
from mmk12.training.words import Finetuning, Hardware

_PLUGIN = "pkg://mmk12.verl_plugin"


def sft_keys(recipe: Recipe, sft: Finetuning, model: str, data: Path, out: Path, steps: Steps) -> Keys:
    """All keys of a fine-tuning; the recipe's `overrides` come last."""
    return {
        **_data(sft, recipe.hardware, data),
        **_learning(sft, recipe.hardware, model),
        **_trainer(sft, recipe.hardware, out, steps),
        **(_cpu() if recipe.hardware.device == "cpu" else {}),
        **recipe.overrides,
    }


def _data(sft: Finetuning, hardware: Hardware, data: Path) -> dict[str, Any]:
    return {
        "data.train_files": str(data / "train.parquet"),
        "data.val_files": str(data / "val.parquet"),
        "data.custom_cls.path": f"{_PLUGIN}.demonstrations",
        "data.custom_cls.name": "Demonstrations",
        "data.train_batch_size": sft.batch,
        "data.micro_batch_size_per_gpu": hardware.micro_batch,
        # Else micro-batches are counted in tokens, which do not know what tiles cost.
        "data.use_dynamic_bsz": False,
        "data.max_length": sft.max_prompt + sft.max_response,
        "data.mm_processor_kwargs.crop_to_patches": sft.tiling.crop,
        "data.mm_processor_kwargs.max_patches": sft.tiling.most,
    }


def _learning(sft: Finetuning, hardware: Hardware, model: str) -> dict[str, Any]:
    return {
        "model.path": model,
        "model.external_lib": "mmk12.verl_plugin.required",
        "model.enable_gradient_checkpointing": hardware.device == "cuda",
        "model.use_remove_padding": hardware.device == "cuda",
        "mmk12.freeze_vision": sft.freeze_vision,  # the plugin's own: this trainer has no such key
        "engine.strategy": "fsdp2",
        "engine.optimizer_offload": hardware.offload,
        "optim.lr": sft.learning_rate,
        "optim.lr_warmup_steps_ratio": sft.warmup,
        "optim.weight_decay": sft.weight_decay,
        "optim.clip_grad": sft.gradient_clip,
    }


def _trainer(sft: Finetuning, hardware: Hardware, out: Path, steps: Steps) -> dict[str, Any]:
    return {
        "trainer.project_name": "mmk12",
        "trainer.experiment_name": out.name,
        "trainer.logger": ["console", "file", "tensorboard"],
        "trainer.seed": sft.seed,
        "trainer.device": hardware.device,
        "trainer.nnodes": hardware.nodes,
        "trainer.n_gpus_per_node": hardware.gpus,
        "trainer.total_epochs": sft.epochs if sft.steps is None else 1_000_000,
        "trainer.total_training_steps": steps.total,
        "trainer.test_freq": sft.validate_every or -1,
        "trainer.save_freq": sft.checkpoint_every,
        "trainer.max_ckpt_to_keep": sft.keep_checkpoints,
        "trainer.default_local_dir": str(out / "checkpoints"),
        "trainer.resume_mode": "auto",
    }


def _cpu() -> dict[str, Any]:
    return {
        "data.num_workers": 0,
        "model.override_config.attn_implementation": "sdpa",
        "engine.use_torch_compile": False,
        "engine.dtype": "float32",
    }
