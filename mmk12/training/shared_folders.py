"""Checks that the nodes of a cluster see one run folder and one model, before a job writes or reads them there.

verl writes shards on every node and the marker on one; a run folder that is not shared ends with checkpoints in pieces.
A model *folder* is read on every node, and another copy of it would train from other weights.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mmk12.training.cluster import Node, run_on_nodes
from mmk12.utils import storage


class SeenFolders(NamedTuple):
    """What one node sees: the text of the token (None: no such file), whether it can write, and the model's files."""

    token: str | None
    refusal: str | None
    model: tuple[tuple[str, str], ...] | None


def check_shared_folders(nodes: Sequence[Node], out: Path, model: str) -> list[tuple[str, bool, str]]:
    """Returns (name, passed, message) per node: whether `out` is one folder for all, and `model` one checkpoint.

    A random token is written to `out` here and read on each node. A `model` that is no folder comes from the hub, and
    each node fetches it.
    """
    token, path = secrets.token_hex(16), out.absolute() / f".shared-{secrets.token_hex(4)}.part"
    storage.write_text(path, token)
    here = describe_model(model)
    checks = []
    try:
        for node, seen, error in run_on_nodes(nodes, look_around, str(path), model):
            found = None if error is not None else SeenFolders(*seen)
            checks.append(("out", *_judge_out(node.address, out, token, found, error)))
            if here is not None:
                checks.append(("model", *_judge_model(node.address, model, here, found, error)))
    finally:
        path.unlink(missing_ok=True)
    return checks


def look_around(token_path: str, model: str) -> SeenFolders:
    """Returns what this node sees of the token and of the model; writes a file beside the token and removes it."""
    path, refusal = Path(token_path), None
    try:
        token = path.read_text("utf-8")
    except OSError:
        return SeenFolders(None, None, describe_model(model))
    own = path.with_name(f".{path.stem}-{secrets.token_hex(4)}.part")
    try:
        own.write_text(token, "utf-8")
        own.unlink()
    except OSError as error:
        refusal = error.strerror or str(error)
    return SeenFolders(token, refusal, describe_model(model))


def describe_model(model: str) -> tuple[tuple[str, str], ...] | None:
    """Returns (name, size, or hash of config.json) of the files that a training reads; None if `model` is no folder."""
    folder = Path(model)
    if not folder.is_dir():
        return None
    names = sorted(name for name in os.listdir(folder) if name.endswith((".json", ".safetensors", ".model", ".jinja")))
    return tuple((name, _describe(folder / name)) for name in names)


def _describe(path: Path) -> str:
    if path.name == "config.json":
        return hashlib.sha256(path.read_bytes()).hexdigest()
    return str(path.stat().st_size)


def _judge_out(address: str, out: Path, token: str, seen: SeenFolders | None, error: str | None) -> tuple[bool, str]:
    if seen is None:
        return False, f"{address}: mmk12 does not run there ({error})"
    if seen.token != token:
        return False, f"{address}: {out} is another folder there; put --out on a disk that all nodes share"
    if seen.refusal is not None:
        return False, f"{address}: {out} cannot be written there ({seen.refusal.lower()})"
    return True, f"{address}: {out} is shared"


def _judge_model(
    address: str,
    model: str,
    here: tuple[tuple[str, str], ...],
    seen: SeenFolders | None,
    error: str | None,
) -> tuple[bool, str]:
    if seen is None:
        return False, f"{address}: mmk12 does not run there ({error})"
    if seen.model is None:
        return False, f"{address}: there is no {model}; put the model on a disk that all nodes share"
    if odd := sorted(set(here) ^ set(map(tuple, seen.model))):
        return False, f"{address}: {model} is another checkpoint there ({odd[0][0]} differs)"
    return True, f"{address}: {model} is the same"
