"""Merges the sharded checkpoint of a training into a folder that transformers, vLLM and `mmk12 eval` load.

verl's own merger joins the tensors. It does not know InternVL's processor, so processor, chat template and generation
config are copied from the model that the training started from. At the end the merged model must answer one question.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from mmk12.errors import BadInput, MissingData, ModelError, OutputError
from mmk12.inference import find_model, open_backend, prompts
from mmk12.inference.generate import make_request
from mmk12.types import IMAGE_MARK, Completion, Sampling
from mmk12.utils.images import ImageStore, make_white_png

_STEP = re.compile(r"global_step_(\d+)")
_NOT_COPIED = (".safetensors", ".bin", ".md")


def merge_checkpoint(checkpoint: Path, out: Path, model: str | None = None) -> Path:
    """Merges `checkpoint` (a run folder, its `checkpoints`, one `global_step_N` or its `actor`) into `out`.

    `model` is the model that the training started from (default: the one in the run's resolved.yaml). Returns the
    checkpoint that was merged. Raises `MissingData`, `OutputError`, or `ModelError` with the merger's last line.
    """
    actor = _find_actor(checkpoint)
    start = _find_start(actor, model)
    if out.exists() and any(out.iterdir()):
        raise OutputError(f"{out} is not empty. Choose another folder for the merged model.")
    out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "verl.model_merger", "merge", "--backend", "fsdp"]
    command += ["--local_dir", str(actor), "--target_dir", str(out)]
    merger = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if merger.returncode != 0 or not any(out.glob("*.safetensors")):
        reason = (merger.stderr.strip() or merger.stdout.strip() or "it wrote no weights").splitlines()[-1][:300]
        raise ModelError(f"verl's merger failed on {actor}: {reason}")
    for path in start.iterdir():
        if path.is_file() and path.suffix not in _NOT_COPIED and path.name != "config.json":
            shutil.copyfile(path, out / path.name)
    _require_answer(out)
    return actor


def _find_actor(folder: Path) -> Path:
    """Returns the folder of shards; of several steps, the last."""
    if any(folder.glob("model_world_size_*_rank_*.pt")):
        return folder
    if (folder / "actor").is_dir():
        return _find_actor(folder / "actor")
    inside = folder / "checkpoints" if (folder / "checkpoints").is_dir() else folder
    steps = {int(match[1]): path for path in inside.glob("global_step_*") if (match := _STEP.fullmatch(path.name))}
    if not steps:
        raise MissingData(f"{folder} holds no checkpoint (global_step_N/actor). Train one with: mmk12 train")
    return _find_actor(steps[max(steps)])


def _find_start(actor: Path, model: str | None) -> Path:
    """Returns the folder of the model that the training started from."""
    if model is None:
        resolved = next(
            (parent / "resolved.yaml" for parent in actor.parents if (parent / "resolved.yaml").is_file()), None
        )
        if resolved is None:
            raise MissingData(f"{actor} is in no run folder of mmk12 train. Name its first model with --model.")
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
