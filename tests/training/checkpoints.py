"""Checkpoints as verl lays them out, without contents."""

from __future__ import annotations

from pathlib import Path


def write_checkpoint(checkpoints: Path, step: int, *, ranks: int = 1, actor: bool = True, marker: bool = False) -> Path:
    """Makes `global_step_N`, of reinforcement learning or (without `actor`) of fine-tuning; returns its shards."""
    folder = checkpoints / f"global_step_{step}"
    shards = folder / "actor" if actor else folder
    shards.mkdir(parents=True)
    for rank in range(ranks):
        for kind in ("model", "optim", "extra_state"):
            (shards / f"{kind}_world_size_{ranks}_rank_{rank}.pt").write_bytes(b"x")
    (folder / ("data.pt" if actor else "data_0.pt")).touch()
    if marker:
        (checkpoints / "latest_checkpointed_iteration.txt").write_text(str(step))
    return shards
