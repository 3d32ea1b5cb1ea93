"""What every local engine reads of a checkpoint: its parts, its identity, where a response ends."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmk12.errors import ModelError, first_line

# Lets the torchvision wheel of PyPI, built for CUDA, import beside a CPU build of torch.


_kept: list[object] = []


def import_torchvision() -> None:
    """Imports torchvision, declaring the missing operators if need be. No torchvision at all is no error."""
    try:
        importlib.import_module("torchvision")
    except ImportError:
        return
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    else:
        return
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _kept.append(library)  # the declarations die with the object
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    importlib.import_module("torchvision")


_SMALL = 64 * 2**20
_HASHED = (".json", ".jinja", ".safetensors", ".bin", ".model", ".txt", ".py")

LOADING_ERRORS = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    AssertionError,
    ImportError,
    RuntimeError,
)
"""What the loaders of public libraries raise on a folder that is incomplete, broken or of another kind."""


def load_part(what: str, model: str, loader: Any, **options: Any) -> Any:
    """`loader.from_pretrained(model)`, its many failures as one line."""
    try:
        return loader.from_pretrained(model, **options)
    except LOADING_ERRORS as error:
        raise ModelError(f"Cannot load the {what} of {model}: {first_line(error)}") from error


def read_token_ids(value: int | list[int] | None) -> set[int]:
    """Token ids as configuration files give them: none, one or several."""
    return set() if value is None else {value} if isinstance(value, int) else set(value)


def read_generation_config(model: str) -> dict[str, Any]:
    """The contents of config.json; no code of the checkpoint is run. Raises `ModelError`."""
    from transformers import PretrainedConfig

    try:
        config: dict[str, Any] = PretrainedConfig.get_config_dict(model)[0]
    except LOADING_ERRORS as error:
        raise ModelError(f"Cannot load the configuration of {model}: {first_line(error)}") from error
    if not config:
        raise ModelError(f"{model} has no config.json. Give the folder or hub id of a checkpoint.")
    return config


def needs_remote_code(config: Mapping[str, Any]) -> str | None:
    """The class that a checkpoint brings as code because transformers has none for its type; else None."""
    from transformers import CONFIG_MAPPING

    named = config.get("auto_map")
    if config.get("model_type") in CONFIG_MAPPING or not isinstance(named, dict):
        return None
    return str(named.get("AutoConfig", named))


def read_stop_ids(model: str) -> set[int]:
    """The tokens that end a response by generation_config.json, which is optional."""
    from transformers import GenerationConfig

    try:
        return read_token_ids(GenerationConfig.from_pretrained(model).eos_token_id)
    except OSError:
        return set()


def hash_weights(model: str) -> str:
    """What tells one checkpoint from another: the hub's commit, or a hash over the folder's files.

    Of a file over 64 MB only size, first and last MB are hashed: fine-tuning changes all of a tensor file.
    """
    folder = Path(model)
    if not folder.is_dir():
        import huggingface_hub

        return Path(huggingface_hub.snapshot_download(model, local_files_only=True)).name
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in _HASHED:
            size = path.stat().st_size
            digest.update(f"{path.relative_to(folder)} {size} ".encode())
            with open(path, "rb") as file:
                if size <= _SMALL:
                    digest.update(file.read())
                else:
                    digest.update(file.read(2**20))
                    file.seek(-(2**20), 2)
                    digest.update(file.read())
    return f"sha256:{digest.hexdigest()}"


def has_gpu() -> bool:
    """Whether there is a GPU, asked in a way that leaves it untouched: vLLM forks, and a fork cannot share it."""
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    import torch

    return bool(torch.cuda.is_available())
