"""Engines that turn prompts into text. One file each, imported only when it is used."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from mmk12.errors import MissingData, UnknownName
from mmk12.images import ImageStore
from mmk12.types import Backend

NAMES = ("hf", "replay")


class Model(NamedTuple):
    """A model that is there: the backend that serves it, and the folder, file or hub id to load it from."""

    backend: str
    location: str


def find_model(model: str, backend: str = "auto") -> Model:
    """What `--model` and `--backend` mean, before anything heavy is loaded.

    `model` is `demo`, `demo-tuned`, a folder, a hub id, or saved completions: "auto" replays a run folder or a
    JSONL file and takes transformers for anything else. Raises `MissingData` for a path that is not there.
    """
    if backend not in (*NAMES, "auto"):
        raise UnknownName("backend", backend, (*NAMES, "auto"))
    if model in ("demo", "demo-tuned"):
        from mmk12.demo import model_path

        return Model("hf", str(model_path(model)))
    path = Path(model).expanduser()
    saved = path.suffix == ".jsonl" or (path / "completions.jsonl").is_file()
    chosen = backend if backend != "auto" else "replay" if saved else "hf"
    if chosen == "replay":
        if not saved and not path.is_file():
            raise MissingData(f"No saved completions at {model}. Give a run folder, or a JSONL file of id, response.")
        return Model(chosen, str(path))
    if path.is_dir():
        return Model(chosen, str(path))
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise MissingData(f"No model folder at {model}. Give a folder, a hub id such as ORG/NAME, or demo.")
    return Model(chosen, model)


def open_backend(model: Model, store: ImageStore) -> Backend:
    """Loads a model; its backend reads images from `store`."""
    if model.backend == "replay":
        from mmk12.backends.replay import ReplayBackend

        return ReplayBackend(Path(model.location))
    from mmk12.backends.hf import HfBackend

    return HfBackend(model.location, store)
