"""Checkpoints of one rank in verl's layout, made of the embedded model, with and without an adapter."""

import json
import shutil
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForImageTextToText

from mmk12.demo import model_path

LAYERS = r".*language_model.*(q_proj|down_proj)"
"""What the adapter of the tests changes: layers of the language model, whose last words the tower has, too."""


def load_demo():
    return AutoModelForImageTextToText.from_pretrained(model_path("demo"), dtype=torch.float32)


def adapt(model, rank=4, alpha=8, seed=0):
    """The model with an adapter of random factors, in peft's names."""
    torch.manual_seed(seed)
    adapted = get_peft_model(model, LoraConfig(r=rank, lora_alpha=alpha, target_modules=LAYERS))
    for name, tensor in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(tensor, std=0.5)
    return adapted


def save_checkpoint(model, run, step, meta=None):
    """Writes what verl's `FSDPCheckpointManager` writes for a world of one; returns the folder of shards."""
    shards = Path(run) / "checkpoints" / f"global_step_{step}" / "actor"
    shards.mkdir(parents=True)
    torch.save(model.state_dict(), shards / "model_world_size_1_rank_0.pt")
    torch.save({}, shards / "optim_world_size_1_rank_0.pt")
    (shards / "fsdp_config.json").write_text(json.dumps({"FSDP_version": 2, "world_size": 1}))
    skipped = shutil.ignore_patterns("*.safetensors")
    shutil.copytree(model_path("demo"), shards / "huggingface", ignore=skipped)
    if meta is not None:
        (shards / "lora_train_meta.json").write_text(json.dumps(meta))
    (shards.parents[1] / "latest_checkpointed_iteration.txt").write_text(str(step))
    (Path(run) / "resolved.yaml").write_text(f"model: {model_path('demo')}\n")
    return shards
