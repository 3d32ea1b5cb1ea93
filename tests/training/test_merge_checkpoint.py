"""Which checkpoint is merged, and what is said when there is none. The merging itself is an engine test."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmk12.errors import MissingData, OutputError
from mmk12.training.merge_checkpoint import _find_actor, _find_start, merge_checkpoint


def shard(folder: Path) -> Path:
    (folder / "actor").mkdir(parents=True)
    (folder / "actor" / "model_world_size_1_rank_0.pt").touch()
    return folder / "actor"


def test_the_last_step_is_merged(tmp_path: Path) -> None:
    shard(tmp_path / "checkpoints" / "global_step_9")
    last = shard(tmp_path / "checkpoints" / "global_step_10")
    assert _find_actor(tmp_path) == _find_actor(tmp_path / "checkpoints") == _find_actor(last) == last
    assert _find_actor(tmp_path / "checkpoints" / "global_step_9").parent.name == "global_step_9"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="holds no checkpoint"):
        _find_actor(tmp_path)
    actor = shard(tmp_path / "checkpoints" / "global_step_1")
    with pytest.raises(MissingData, match="--model"):
        _find_start(actor, None)
    (tmp_path / "resolved.yaml").write_text(f"model: {tmp_path}\n")
    assert _find_start(actor, None) == tmp_path


def test_a_folder_in_use_is_not_written_to(tmp_path: Path) -> None:
    shard(tmp_path / "global_step_1")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    with pytest.raises(OutputError, match="is not empty"):
        merge_checkpoint(tmp_path, tmp_path / "out", str(tmp_path))
