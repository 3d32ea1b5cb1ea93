"""Which checkpoint counts, which ones are removed, and who may continue them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmk12.errors import BadInput, MissingData, ModelError
from mmk12.training.checkpoints import (
    find_checkpoint,
    list_steps,
    read_marker,
    remove_old_checkpoints,
    repair_marker,
    require_ranks,
)
from tests.training.checkpoints import write_checkpoint

MARKER = "latest_checkpointed_iteration.txt"


@pytest.mark.parametrize("actor", [True, False])
def test_every_name_of_a_checkpoint_leads_to_its_shards(tmp_path: Path, actor: bool) -> None:
    write_checkpoint(tmp_path / "checkpoints", 9, actor=actor)
    shards = write_checkpoint(tmp_path / "checkpoints", 10, ranks=2, actor=actor, marker=True)
    for name in (tmp_path, tmp_path / "checkpoints", tmp_path / "checkpoints" / "global_step_10", shards):
        found = find_checkpoint(name)
        assert (found.shards, found.step, found.ranks, found.unfinished) == (shards, 10, 2, ())
    assert find_checkpoint(tmp_path / "checkpoints" / "global_step_9").step == 9


def test_a_checkpoint_that_is_not_whole_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match="holds no checkpoint"):
        find_checkpoint(tmp_path)
    write_checkpoint(tmp_path, 3)
    with pytest.raises(MissingData, match=r"marker .* is missing, .* Name one of them: .*global_step_3"):
        find_checkpoint(tmp_path)
    (tmp_path / MARKER).write_text("7")
    with pytest.raises(MissingData, match="names step 7, which is not there"):
        find_checkpoint(tmp_path)
    (tmp_path / MARKER).write_text("three")
    with pytest.raises(BadInput, match="instead of a step"):
        find_checkpoint(tmp_path)
    shards = write_checkpoint(tmp_path, 8, ranks=4, marker=True)
    (shards / "model_world_size_4_rank_2.pt").unlink()
    with pytest.raises(MissingData, match="lacks 1 of its 4 shards, the first is that of rank 2"):
        find_checkpoint(tmp_path)


def test_an_empty_marker_means_the_newest_step(tmp_path: Path) -> None:
    assert read_marker(tmp_path) is None
    for step in (1, 2):
        write_checkpoint(tmp_path, step)
    (tmp_path / MARKER).touch()
    assert find_checkpoint(tmp_path).step == 2
    repair_marker(tmp_path)
    assert (tmp_path / MARKER).read_text() == "2"


def test_a_resume_on_another_number_of_gpus_names_the_old_one(tmp_path: Path) -> None:
    require_ranks(tmp_path / "checkpoints", 8)
    write_checkpoint(tmp_path / "checkpoints", 5, ranks=4, marker=True)
    require_ranks(tmp_path / "checkpoints", 4)
    with pytest.raises(ModelError, match="step 5 was written by 4 GPUs, and verl cannot continue it on 8"):
        require_ranks(tmp_path / "checkpoints", 8)


def test_the_last_whole_ones_are_kept_whatever_wrote_the_others(tmp_path: Path) -> None:
    for step in (1, 2, 3, 10):
        write_checkpoint(tmp_path, step, marker=True)
    write_checkpoint(tmp_path, 11)  # beyond the marker: being written, or torn
    assert remove_old_checkpoints(tmp_path, 2, keep_weights=False) == [1, 2]
    assert sorted(list_steps(tmp_path)) == [3, 10, 11]
    assert remove_old_checkpoints(tmp_path, 2, keep_weights=False) == []


def test_a_removal_that_was_killed_is_finished(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 4, marker=True)
    (tmp_path / ".global_step_1.part" / "actor").mkdir(parents=True)
    remove_old_checkpoints(tmp_path, 1, keep_weights=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["global_step_4", MARKER]


def test_weights_of_older_checkpoints_stay_if_they_are_asked_for(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        write_checkpoint(tmp_path, step, ranks=2, marker=True)
    assert remove_old_checkpoints(tmp_path, 2, keep_weights=True) == [1]
    assert remove_old_checkpoints(tmp_path, 2, keep_weights=True) == []
    reduced = tmp_path / "global_step_1"
    assert sorted(path.name for path in reduced.rglob("*.pt")) == [
        "model_world_size_2_rank_0.pt",
        "model_world_size_2_rank_1.pt",
    ]
    assert find_checkpoint(reduced).step == 1
    assert len(list((tmp_path / "global_step_2").rglob("*.pt"))) == 7


def test_without_a_marker_nothing_is_removed(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        write_checkpoint(tmp_path, step)
    assert remove_old_checkpoints(tmp_path, 1, keep_weights=False) == []
