"""The checkpoints of a run folder as verl writes them: which one is whole, who wrote it, and which ones are removed.

verl saves step N into `global_step_N` (reinforcement learning: into its `actor`) and then writes N into the marker
`latest_checkpointed_iteration.txt`, so a folder beyond the marker can be incomplete. verl forgets at a resume which
checkpoints it may remove (its list is in memory), so they are removed here.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mmk12.errors import BadInput, MissingData, ModelError
from mmk12.utils import storage

_MARKER = "latest_checkpointed_iteration.txt"
_STEP = re.compile(r"global_step_(\d{1,9})")
_SHARD = re.compile(r"model_world_size_(\d{1,6})_rank_(\d{1,6})\.pt")
_NOT_WEIGHTS = ("optim_world_size_*.pt", "extra_state_world_size_*.pt", "data*.pt")
"""What a checkpoint needs beyond its weights: the optimiser, the generators, the place in the data."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A whole checkpoint: `shards` is the folder of its tensors, written by so many `ranks` (one per GPU).

    `step` is None for a folder that is not called `global_step_N`. `unfinished` are the later steps of the run, which
    verl had not finished.
    """

    shards: Path
    step: int | None
    ranks: int
    unfinished: tuple[int, ...] = ()


def find_checkpoint(folder: Path) -> Checkpoint:
    """Returns the checkpoint in `folder`: the run folder or its `checkpoints` (verl's marker decides), or one step.

    Raises `MissingData` if there is none or if it lacks shards, and `BadInput` for a marker that is no number.
    """
    if _list_shards(folder) or (folder / "actor").is_dir():
        return _open(folder)
    inside = folder / "checkpoints" if (folder / "checkpoints").is_dir() else folder
    steps = list_steps(inside)
    if not steps:
        raise MissingData(f"{folder} holds no checkpoint (global_step_N/actor). Train one with: mmk12 train")
    step = read_marker(inside)
    if step not in steps:
        what = f"names step {step}, which is not there" if step is not None else "is missing"
        raise MissingData(
            f"verl's marker {inside / _MARKER} {what}, so no checkpoint is known to be whole. "
            f"Name one of them: {steps[max(steps)]}"
        )
    return _open(steps[step], tuple(sorted(later for later in steps if later > step)))


def list_steps(checkpoints: Path) -> dict[int, Path]:
    """Returns the folders `global_step_N` by their N, whole or not."""
    return {int(match[1]): path for path in checkpoints.glob("global_step_*") if (match := _STEP.fullmatch(path.name))}


def read_marker(checkpoints: Path) -> int | None:
    """Returns the last step that verl finished, or None if it finished none. Raises `BadInput` if that is no number.

    verl empties the marker before it writes a number; a kill in between leaves it empty, with the newest step whole.
    """
    try:
        text = (checkpoints / _MARKER).read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    if not text:
        return max(list_steps(checkpoints), default=None)
    if not (text.isascii() and text.isdigit()):
        raise BadInput(
            f"{checkpoints / _MARKER} holds '{text[:40]}' instead of a step. Write the last whole step there."
        )
    return int(text)


def repair_marker(checkpoints: Path) -> None:
    """Writes the marker again if a kill has left it empty; verl fails on an empty one."""
    step = read_marker(checkpoints)
    if step is not None:
        storage.write_text(checkpoints / _MARKER, str(step))


def require_ranks(checkpoints: Path, gpus: int) -> None:
    """Raises `ModelError` if the checkpoint that a resume starts from was written by another number of GPUs.

    verl names shards by that number (`model_world_size_W_rank_R.pt`) and cannot read those of another one.
    """
    if read_marker(checkpoints) is None:
        return
    found = find_checkpoint(checkpoints)
    if found.ranks != gpus:
        raise ModelError(
            f"step {found.step} was written by {found.ranks} GPUs, and verl cannot continue it on {gpus}. Resume with "
            f"{found.ranks} GPUs in all (hardware.nodes times hardware.gpus), or merge it and start a new run from it"
        )


def remove_old_checkpoints(checkpoints: Path, keep: int, keep_weights: bool) -> list[int]:
    """Removes what is older than the last `keep` whole checkpoints; returns the steps it removed or reduced, in order.

    With `keep_weights` the weights of the older ones stay (4 bytes per parameter), so `mmk12 merge` still reads them.
    Folders beyond verl's marker are left alone.
    """
    for leftover in checkpoints.glob(".global_step_*.part"):  # of a removal that was killed
        shutil.rmtree(leftover)
    last = read_marker(checkpoints)
    steps = list_steps(checkpoints)
    whole = sorted(step for step in steps if last is not None and step <= last)
    return [step for step in whole[:-keep] if (_reduce if keep_weights else _remove)(steps[step])]


def _remove(folder: Path) -> bool:
    """Removes a folder that never has its name without all of its files."""
    leftover = folder.with_name(f".{folder.name}.part")
    os.replace(folder, leftover)
    shutil.rmtree(leftover)
    return True


def _reduce(folder: Path) -> bool:
    """Removes all but the weights of a checkpoint; returns whether there was anything to remove."""
    extra = [path for pattern in _NOT_WEIGHTS for path in folder.rglob(pattern)]
    for path in extra:
        path.unlink()
    return bool(extra)


def _open(folder: Path, unfinished: tuple[int, ...] = ()) -> Checkpoint:
    shards = folder if _list_shards(folder) else folder / "actor"
    found = _list_shards(shards)
    if not found:
        raise MissingData(f"{shards} holds no weights (model_world_size_W_rank_R.pt).")
    ranks = found[0][0]
    missing = sorted(set(range(ranks)) - {rank for of, rank in found if of == ranks})
    if missing:
        raise MissingData(
            f"{shards} lacks {len(missing)} of its {ranks} shards, the first is that of rank {missing[0]}."
        )
    named = (match for path in (folder, folder.parent) if (match := _STEP.fullmatch(path.absolute().name)))
    return Checkpoint(shards, next((int(match[1]) for match in named), None), ranks, unfinished)


def _list_shards(folder: Path) -> list[tuple[int, int]]:
    """Returns (number of ranks, rank) of each file of weights."""
    return sorted(_parse_shards(path.name for path in folder.glob("model_world_size_*.pt")))


def _parse_shards(names: Iterable[str]) -> Iterable[tuple[int, int]]:
    return ((int(match[1]), int(match[2])) for name in names if (match := _SHARD.fullmatch(name)))
