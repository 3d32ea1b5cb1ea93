"""Reads what every local engine needs of a checkpoint: its parts, its hash, the tokens that end a response."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmk12.errors import ModelError, first_line

_libraries: list[object] = []
"""Keeps the declarations of `import_torchvision` alive."""


def import_torchvision() -> None:
    """Imports torchvision if it is installed.

    The wheel of PyPI, built for CUDA, does not import beside a CPU build of torch: then the missing operators are
    declared first.
    """
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
    _libraries.append(library)
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
"""The errors that libraries raise when they load a folder that is incomplete, broken or of another kind."""


def load_part(what: str, model: str, loader: Any, **options: Any) -> Any:
    """Returns `loader.from_pretrained(model)`; any failure is a `ModelError` of one line that names `what`."""
    try:
        return loader.from_pretrained(model, **options)
    except LOADING_ERRORS as error:
        raise ModelError(f"Cannot load the {what} of {model}: {first_line(error)}") from error


def read_token_ids(value: int | list[int] | None) -> set[int]:
    """Returns the token ids in a field of a configuration file, which holds none, one or several."""
    return set() if value is None else {value} if isinstance(value, int) else set(value)


def read_generation_config(model: str) -> dict[str, Any]:
    """Reads config.json; runs no code of the checkpoint. Raises `ModelError`."""
    from transformers import PretrainedConfig

    try:
        config: dict[str, Any] = PretrainedConfig.get_config_dict(model)[0]
    except LOADING_ERRORS as error:
        raise ModelError(f"Cannot load the configuration of {model}: {first_line(error)}") from error
    if not config:
        raise ModelError(f"{model} has no config.json. Give the folder or hub id of a checkpoint.")
    return config


def needs_remote_code(config: Mapping[str, Any]) -> str | None:
    """Returns the class that the checkpoint implements itself because transformers has none for its type; else None."""
    from transformers import CONFIG_MAPPING

    named = config.get("auto_map")
    if config.get("model_type") in CONFIG_MAPPING or not isinstance(named, dict):
        return None
    return str(named.get("AutoConfig", named))


def read_stop_ids(model: str) -> set[int]:
    """Returns the end-of-response tokens of generation_config.json; an empty set if there is no such file."""
    from transformers import GenerationConfig

    try:
        return read_token_ids(GenerationConfig.from_pretrained(model).eos_token_id)
    except OSError:
        return set()


def hash_weights(model: str) -> str:
    """Returns the identity of a checkpoint: the commit on the hub, or a hash over the files of a folder.

    Of a file over 64 MiB only size, first and last MiB are hashed: fine-tuning changes all of a tensor file.
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
    """Whether there is a GPU. Does not initialise CUDA: vLLM forks, and CUDA does not survive a fork."""
    os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
    import torch

    return bool(torch.cuda.is_available())
