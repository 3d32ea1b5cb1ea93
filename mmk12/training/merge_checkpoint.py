"""Merges the sharded checkpoint of a training into a folder that transformers, vLLM and `mmk12 eval` load.

verl's own merger joins the tensors. It does not know InternVL's processor, so processor, chat template and generation
config are copied from the model that the training started from, and it leaves the adapter of a LoRA training out, so
that is merged here. At the end the merged model must answer one question.

All of this happens in `.NAME.part` beside the target, which gets its name when the model has answered. A kill at any
moment therefore leaves either no target or a whole one, and the same command does the rest.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from mmk12.errors import BadInput, MissingData, ModelError, OutputError
from mmk12.inference import find_model, open_backend, prompts
from mmk12.inference.generate import make_request
from mmk12.training.checkpoints import Checkpoint, find_checkpoint
from mmk12.training.child_process import die_with_parent
from mmk12.training.merge_adapter import merge_adapter
from mmk12.types import IMAGE_MARK, Completion, Sampling
from mmk12.utils import storage
from mmk12.utils.fingerprint import hash_json
from mmk12.utils.images import ImageStore, make_white_png

_ORIGIN = "merge.json"
"""In the merged folder: where it came from. Loaders do not look at it."""
_LOCK = ".lock"
_NOT_COPIED = (".safetensors", ".index.json", ".bin", ".md")
_WRITTEN_HERE = ("config.json", _ORIGIN)


@dataclass(frozen=True, slots=True)
class MergedModel:
    """What was merged, and whether the folder had it `already`."""

    checkpoint: Checkpoint
    already: bool


def merge_checkpoint(source: Path, out: Path, model: str | None = None) -> MergedModel:
    """Merges `source` (a run folder, its `checkpoints`, one `global_step_N` or its `actor`) into `out`.

    Of a run the step is merged that verl's marker names. `model` is the model that the training started from (default:
    the one in the run's resolved.yaml). If `out` holds this very checkpoint already, nothing is done. Raises
    `MissingData`, `BadInput`, `OutputError`, or `ModelError` with the merger's last line.
    """
    found = find_checkpoint(source)
    start = _find_start(found.shards, model)
    origin = {"step": found.step, "checkpoint": str(found.shards.absolute()), "shards": _hash_shards(found.shards)}
    out = out.absolute()
    with _claim_part(out) as part:
        if _read_origin(out) == origin:
            (out / _LOCK).unlink(missing_ok=True)
            return MergedModel(found, already=True)
        if out.exists() and any(out.iterdir()):
            raise OutputError(f"{out} is not empty. Choose another folder for the merged model.")
        _join_shards(found.shards, part)
        merge_adapter(part)
        _copy_companions(start, part)
        _require_answer(part)
        storage.write_json(part / _ORIGIN, origin)
        with storage.open_for_writing(out):
            os.replace(part, out)
            (out / _LOCK).unlink()
    return MergedModel(found, already=False)


@contextmanager
def _claim_part(out: Path) -> Iterator[Path]:
    """Yields the empty folder `.NAME.part` beside `out`, locked; removes it at the end if it is still there.

    Raises `OutputError` if another merge into `out` is running.
    """
    part = out.with_name(f".{out.name}.part")
    with storage.lock_folder(part):
        try:
            for path in part.iterdir():  # left by a merge that was killed
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.name != _LOCK:
                    path.unlink()
            yield part
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _read_origin(out: Path) -> Any:
    """Returns the origin of a merged model, None if `out` is none."""
    return storage.read_json(out / _ORIGIN) if (out / _ORIGIN).is_file() else None


def _hash_shards(shards: Path) -> str:
    """Returns a hash over names, sizes and times of the weights; the optimiser may have been removed meanwhile."""
    files = sorted(shards.glob("model_world_size_*.pt"))
    return hash_json([[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files])


def _join_shards(shards: Path, out: Path) -> None:
    """Has verl's merger write the tensors of `shards` into `out`. Raises `ModelError`."""
    command = [sys.executable, "-m", "verl.model_merger", "merge", "--backend", "fsdp"]
    command += ["--local_dir", str(shards), "--target_dir", str(out)]
    merger = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        preexec_fn=die_with_parent(signal.SIGKILL),
    )
    if merger.returncode != 0 or not any(out.glob("*.safetensors")):
        reason = (merger.stderr.strip() or merger.stdout.strip() or "it wrote no weights").splitlines()[-1][:300]
        raise ModelError(f"verl's merger failed on {shards}: {reason}")


def _copy_companions(start: Path, out: Path) -> None:
    """Copies tokenizer, processor, chat template and generation config of the model that the training started from."""
    with storage.open_for_writing(out):
        for path in start.iterdir():
            if path.is_file() and path.name not in _WRITTEN_HERE and not path.name.endswith(_NOT_COPIED):
                shutil.copyfile(path, out / path.name)


def _find_start(shards: Path, model: str | None) -> Path:
    """Returns the folder of the model that the training started from."""
    if model is None:
        resolved = next(
            (parent / "resolved.yaml" for parent in shards.parents if (parent / "resolved.yaml").is_file()), None
        )
        if resolved is None:
            raise MissingData(f"{shards} is in no run folder of mmk12 train. Name its first model with --model.")
        recipe = yaml.safe_load(resolved.read_text("utf-8"))
        model = recipe.get("model") if isinstance(recipe, dict) else None
        if not isinstance(model, str):
            raise BadInput(f"{resolved} names no model. Name it with --model.")
    if Path(model).is_dir():
        return Path(model)
    import huggingface_hub

    return Path(huggingface_hub.snapshot_download(model, allow_patterns=["*.json", "*.jinja", "*.txt", "*.model"]))


def _require_answer(folder: Path) -> None:
    """Has the merged model answer one question with an image. Raises `ModelError` if it cannot."""
    with TemporaryDirectory() as scratch:
        store = ImageStore(Path(scratch))
        engine = open_backend(find_model(str(folder), "hf"), store)
        prompt = engine.render(prompts.render_chat("plain", IMAGE_MARK + "What is 1 + 1?", 1))
        request = make_request(engine, "merge/1", prompt, (store.add(make_white_png()),), Sampling(max_tokens=8), 0)
        [answer] = engine.generate([request])
    if not isinstance(answer, Completion):
        raise ModelError(f"The merged model in {folder} does not answer: {answer.reason}")
