"""Opens backends that generate completions.

Each backend is a file. A new one is added by writing its file, naming it in `deployment.NAMES`, and opening it in
`open_backend` or `open_engine`. What an optional extra installs is imported only when used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from mmk12.demo import MODELS, model_path
from mmk12.errors import BadInput, MissingData, MissingExtra, UnknownName, refuse_misspelling
from mmk12.formats.responses import describe_formats
from mmk12.inference.checkpoint import has_gpu
from mmk12.inference.deployment import NAMES, Deployment, Model
from mmk12.inference.engine import Engine
from mmk12.inference.replay import ReplayBackend, find_saved_file
from mmk12.types import Backend
from mmk12.utils.images import ImageStore

_OPTIONS: Mapping[str, Mapping[str, type[int] | type[float]]] = {
    "hf": {"batch_size": int},
    "openai": {"concurrency": int, "timeout": float},
    "replay": {},
}
"""The options of `--engine` by backend; vLLM checks its own arguments."""


_PACKAGES: Mapping[str, Sequence[tuple[str, str]]] = {
    "hf": [("torch", "hf"), ("transformers", "hf")],
    "vllm": [("vllm", "gpu")],
    "openai": [("httpx", "openai"), ("anyio", "openai")],
    "replay": [],
}
"""The packages that a backend imports, each with the extra that installs it."""


def engine_options(pairs: Sequence[str]) -> dict[str, Any]:
    """Parses `KEY=VALUE` texts, with YAML values, into the options of a `Deployment`. Raises `BadInput`."""
    options: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        try:
            options[name.strip().replace("-", "_")] = yaml.safe_load(value)
        except yaml.YAMLError:
            equals = ""
        if not equals:
            raise BadInput(f"An engine option is KEY=VALUE, such as max_model_len=8192, not '{pair}'.")
    return options


def find_model(model: str, backend: str = "auto", columns: Mapping[str, str] | None = None) -> Model:
    """Resolves `--model` and `--backend` without loading the model.

    `model` is `demo`, `demo-tuned`, a folder, a hub id, the URL of a server, or saved completions. "auto" takes the
    openai backend for a URL, replay for a file that exists and for a folder with saved answers, and for anything else
    vLLM if it is installed and there is a GPU, else transformers. `columns` are those of a table of saved answers.

    Raises `MissingData` for a path that does not exist, `BadInput` if model and backend do not fit, `UnknownName` for a
    backend that does not exist.
    """
    if backend not in (*NAMES, "auto"):
        raise UnknownName("backend", backend, (*NAMES, "auto"))
    if model.startswith(("http://", "https://")):
        if backend not in ("openai", "auto"):
            raise BadInput(f"{model} is a server: the {backend} backend cannot load it. Leave --backend out.")
        return Model("openai", model)
    if backend == "openai":
        raise BadInput(f"The openai backend needs the URL of a server, such as http://HOST:8000/v1#NAME, not {model}.")
    if model in MODELS:
        return Model("hf" if backend == "auto" else backend, str(model_path(model)))
    refuse_misspelling("embedded model", model, MODELS)
    path = Path(model).expanduser()
    saved = path.suffix == ".jsonl" or path.is_file() or (backend in ("auto", "replay") and find_saved_file(path))
    chosen = backend if backend != "auto" else "replay" if saved else "vllm" if _can_use_vllm() else "hf"
    if chosen == "replay":
        if not path.exists() or not saved:
            what = f"No file {model}" if path.suffix == ".jsonl" else f"No saved completions at {model}"
            raise MissingData(f"{what}. Give a run folder, or a file of saved answers. {describe_formats()}")
        return Model(chosen, str(path), columns)
    if columns is not None:
        raise BadInput(f"--response-columns is for tables of saved answers, and {model} is none. Leave it out.")
    if path.exists():
        _check_model_folder(path)
        return Model(chosen, str(path))
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise MissingData(f"No model folder at {model}. Give a folder, a hub id such as ORG/NAME, or demo.")
    return Model(chosen, model)


def _check_model_folder(path: Path) -> None:
    """Raises `BadInput` if what is at `path` cannot be a model: a name on this disk is never looked up on the hub."""
    if not path.is_dir():
        raise BadInput(f"{path} is a file, and a model is a folder. Give the folder, or a JSONL file of saved answers.")
    if not any((path / name).is_file() for name in ("config.json", "adapter_config.json")):
        raise BadInput(f"{path} is a folder without config.json, so it holds no model. Give a checkpoint's folder.")


def open_backend(model: Model, store: ImageStore, deployment: Deployment | None = None) -> Backend:
    """Loads a model; its backend reads images from `store`.

    Raises `BadInput` for a deployment that this backend does not support, `ModelError` if the model cannot be used.
    """
    placed = deployment or Deployment()
    check_deployment(model, placed)
    if model.backend in ("openai", "replay"):
        if model.backend == "replay":
            return ReplayBackend(Path(model.location), model.columns)
        from mmk12.inference.openai import OpenAIBackend

        return OpenAIBackend(model.location, store, **placed.options)
    if placed.distributed:
        from mmk12.inference.ray_replicas import Replicas

        return Replicas(partial(open_engine, model, placed), store, placed)
    return open_engine(model, placed, store)


def check_deployment(model: Model, deployment: Deployment) -> None:
    """Refuses at once, before any data is read, what `open_backend` would refuse after it.

    Raises `BadInput` for a deployment that the backend does not support, `MissingExtra` if its packages are not
    installed.
    """
    if model.backend != "vllm":
        _check_options(model.backend, deployment.options)
        if deployment.tensor_parallel > 1:
            raise BadInput(f"The {model.backend} backend has no tensor parallelism. Use --backend vllm.")
    if model.backend in ("openai", "replay") and deployment.distributed:
        raise BadInput(f"The {model.backend} backend does not run the model itself, so it has no replicas.")
    needed = [*_PACKAGES[model.backend], *([("ray", "ray")] if deployment.distributed else [])]
    for package, extra in needed:
        if find_spec(package) is None:
            raise MissingExtra(f"The {model.backend} backend ({package})", extra)


def open_engine(model: Model, deployment: Deployment, store: ImageStore) -> Engine:
    """Loads one copy of a model into this process."""
    if model.backend == "vllm":
        from mmk12.inference.vllm import VllmBackend

        return VllmBackend(
            model.location, store, tensor_parallel=deployment.tensor_parallel, options=deployment.options
        )
    from mmk12.inference.hf import HfBackend

    return HfBackend(model.location, store, **deployment.options)


def _check_options(backend: str, options: Mapping[str, Any]) -> None:
    known = _OPTIONS[backend]
    for name, value in options.items():
        if name not in known:
            raise UnknownName(f"{backend} engine option", name, known)
        if isinstance(value, bool) or not isinstance(value, int | known[name]) or value <= 0:
            raise BadInput(f"The {backend} engine option {name} is a positive {known[name].__name__}, not {value!r}.")


def _can_use_vllm() -> bool:
    """Whether vLLM is installed and there is a GPU."""
    return find_spec("vllm") is not None and has_gpu()
