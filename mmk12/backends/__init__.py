"""Engines that turn prompts into text. One file each, imported only when it is used."""

from __future__ import annotations

from pathlib import Path

from mmk12.errors import MissingData, UnknownName
from mmk12.images import ImageStore
from mmk12.types import Backend

NAMES = ("hf", "replay")


def open_backend(model: str, name: str, store: ImageStore) -> Backend:
    """The backend `name` for `model`; "auto" replays a run folder or a JSONL file and loads anything else.

    `model` is `demo`, `demo-tuned`, a folder, a hub id, or saved completions. Images are read from `store`.
    """
    chosen = _fitting(model) if name == "auto" else name
    if chosen == "replay":
        from mmk12.backends.replay import ReplayBackend

        return ReplayBackend(Path(model))
    if chosen == "hf":
        from mmk12.backends.hf import HfBackend

        return HfBackend(model_folder(model), store)
    raise UnknownName("backend", chosen, (*NAMES, "auto"))


def model_folder(model: str) -> str:
    """`model` as transformers takes it: a folder or a hub id. Raises `MissingData` for a path that is not there."""
    if model in ("demo", "demo-tuned"):
        from mmk12.demo import model_path

        return str(model_path(model))
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        folder = Path(model).expanduser()
        if not folder.is_dir():
            raise MissingData(f"No model folder at {model}. Give a folder, a hub id such as ORG/NAME, or demo.")
        return str(folder)
    return model


def _fitting(model: str) -> str:
    path = Path(model)
    saved = path.suffix == ".jsonl" or (path / "completions.jsonl").is_file()
    return "replay" if saved else "hf"
