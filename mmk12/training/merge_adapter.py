"""Adds the adapter of a LoRA training to the merged weights, with peft.

verl's merger writes the base as the model, without the adapter, and the adapter to `lora_adapter/`
(verl/model_merger/base_model_merger.py:410). Its adapter_config.json names layers by their last word, which also fits
layers of the vision tower; here the layers are those that the adapter has tensors for.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from mmk12.errors import BadInput, MissingExtra, ModelError
from mmk12.inference.checkpoint import import_torchvision
from mmk12.utils import storage

_ADAPTER = "lora_adapter"
_PREFIX = "base_model.model."
_FACTORS = (".lora_A.weight", ".lora_B.weight")


def merge_adapter(folder: Path) -> int:
    """Merges `folder/lora_adapter` into the weights of `folder` and removes it; returns the number of its layers.

    W becomes W + alpha/r * B A, in bfloat16. Returns 0 if there is no adapter. Raises `MissingExtra` without peft,
    `BadInput` for an adapter that is not verl's, and `ModelError` if it does not fit the model: a model without its
    adapter is the untrained one, and it would answer as well.
    """
    adapter = folder / _ADAPTER
    if not adapter.exists():
        return 0
    try:
        import peft
        import torch
        from safetensors import safe_open

        import_torchvision()
        from transformers import AutoModelForImageTextToText
    except ImportError:
        raise MissingExtra("Merging a LoRA adapter", "gpu") from None
    rank, alpha = _read_scale(adapter)
    with safe_open(adapter / "adapter_model.safetensors", "pt") as file:
        layers = _list_layers(file.keys())
    base, report = AutoModelForImageTextToText.from_pretrained(
        folder, dtype=torch.bfloat16, output_loading_info=True, local_files_only=True
    )
    if report["missing_keys"]:
        missing = sorted(report["missing_keys"])
        raise ModelError(
            f"The checkpoint lacks {len(missing)} tensors of the base ({missing[0]}): it holds the adapter alone. "
            "Train with actor_rollout_ref.actor.checkpoint.save_lora_only=false."
        )
    config = peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=sorted(layers), inference_mode=True)
    adapted = peft.PeftModel.from_pretrained(base, adapter, config=config)
    if (found := _adapted_layers(adapted)) != layers:
        odd = min(found ^ layers)
        raise ModelError(f"The adapter in {adapter} does not fit the model: {odd} is in one of them only.")
    _replace_weights(adapted.merge_and_unload(safe_merge=True), folder)
    shutil.rmtree(adapter)
    return len(layers)


def _read_scale(adapter: Path) -> tuple[int, float]:
    """Returns rank and alpha of an adapter. Raises `BadInput` if either is missing or 0."""
    settings = storage.read_json(adapter / "adapter_config.json")
    rank, alpha = (settings.get(key) if isinstance(settings, dict) else None for key in ("r", "lora_alpha"))
    # verl writes alpha 0 if the checkpoint has no lora_train_meta.json: the adapter would have no effect.
    if not (isinstance(rank, int) and rank > 0 and isinstance(alpha, int | float) and alpha > 0):
        raise BadInput(
            f"{adapter / 'adapter_config.json'} has rank {rank} and alpha {alpha}. The checkpoint needs its "
            'lora_train_meta.json, for example {"r": 32, "lora_alpha": 64}.'
        )
    return rank, alpha


def _list_layers(names: Any) -> set[str]:
    """Returns the layers that the tensors of an adapter belong to. Raises `BadInput` for a tensor that is no factor."""
    layers = set()
    for name in names:
        factor = next((end for end in _FACTORS if name.endswith(end)), None)
        if factor is None or not name.startswith(_PREFIX):
            raise BadInput(f"The adapter holds the tensor {name}, which is not a factor of LoRA.")
        layers.add(name.removeprefix(_PREFIX).removesuffix(factor))
    return layers


def _adapted_layers(adapted: Any) -> set[str]:
    return {name for name, module in adapted.get_base_model().named_modules() if hasattr(module, "lora_A")}


def _replace_weights(model: Any, folder: Path) -> None:
    """Saves the weights of `model` in place of those in `folder`, which may still be mapped into memory."""
    fresh = folder / "merged"
    model.save_pretrained(fresh)
    for path in folder.glob("*.safetensors*"):
        path.unlink()
    for path in fresh.glob("*.safetensors*"):
        path.rename(folder / path.name)
    shutil.rmtree(fresh)
