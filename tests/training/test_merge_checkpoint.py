"""Which checkpoint is merged, and what is said when there is none. The merging itself is an engine test."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmk12.errors import MissingData, OutputError
from mmk12.training import merge_checkpoint as merging
from mmk12.utils import storage
from tests.training.checkpoints import write_checkpoint

merge = merging.merge_checkpoint


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that verl's merger and the engine were asked for; both need an engine environment."""
    asked: list[Path] = []

    def join(shards: Path, out: Path) -> None:
        asked.append(shards)
        (out / "model.safetensors").write_bytes(b"weights")

    monkeypatch.setattr(merging, "_join_shards", join)
    monkeypatch.setattr(merging, "_require_answer", lambda folder: None)
    return asked


@pytest.fixture
def start(tmp_path: Path) -> Path:
    folder = tmp_path / "start"
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors", "model.safetensors.index.json", "README.md"):
        (folder / name).write_text("{}")
    return folder


def test_the_step_of_verls_marker_is_merged_not_the_highest_folder(
    tmp_path: Path, start: Path, joined: list[Path]
) -> None:
    run = tmp_path / "run"
    good = write_checkpoint(run / "checkpoints", 9, marker=True)
    write_checkpoint(run / "checkpoints", 10)
    done = merge(run, tmp_path / "out", str(start))
    assert (done.checkpoint.step, done.checkpoint.unfinished, joined) == (9, (10,), [good])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "merge.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    named = merge(run / "checkpoints" / "global_step_10", tmp_path / "ten", str(start))
    assert (named.checkpoint.step, named.checkpoint.unfinished) == (10, ())


def test_a_merge_that_is_there_is_not_done_again_and_another_is_refused(
    tmp_path: Path, start: Path, joined: list[Path]
) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    write_checkpoint(run / "checkpoints", 1, marker=True)
    assert not merge(run, out, str(start)).already
    (out / ".lock").touch()  # of a merge that was killed right after its last rename
    assert merge(run, out, str(start)).already
    assert not (out / ".lock").exists()
    write_checkpoint(run / "checkpoints", 2, marker=True)
    with pytest.raises(OutputError, match="is not empty"):
        merge(run, out, str(start))
    assert len(joined) == 1
    assert not (tmp_path / ".out.part").exists()


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    shards = write_checkpoint(tmp_path / "checkpoints", 1, marker=True)
    with pytest.raises(MissingData, match="--model"):
        merging._find_start(shards, None)
    (tmp_path / "resolved.yaml").write_text(f"model: {tmp_path}\n")
    assert merging._find_start(shards, None) == tmp_path


def test_a_folder_in_use_is_not_written_to(tmp_path: Path, start: Path, joined: list[Path]) -> None:
    write_checkpoint(tmp_path / "run", 1, marker=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").touch()
    with pytest.raises(OutputError, match="is not empty"):
        merge(tmp_path / "run", tmp_path / "out", str(start))
    assert not joined


def test_a_killed_merge_is_swept_and_a_second_one_at_the_same_time_is_refused(
    tmp_path: Path, start: Path, joined: list[Path]
) -> None:
    write_checkpoint(tmp_path / "run", 1, marker=True)
    part = tmp_path / ".out.part"
    with storage.lock_folder(part), pytest.raises(OutputError, match="Another run is writing"):
        merge(tmp_path / "run", tmp_path / "out", str(start))
    (part / "lora_adapter").mkdir()
    (part / "model-00001-of-00002.safetensors").touch()
    merge(tmp_path / "run", tmp_path / "out", str(start))
    assert not (tmp_path / "out" / "model-00001-of-00002.safetensors").exists()


def test_a_merge_that_fails_leaves_nothing(
    tmp_path: Path, start: Path, joined: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path / "run", 1, marker=True)

    def refuse(folder: Path) -> None:
        raise OutputError("no answer")

    monkeypatch.setattr(merging, "_require_answer", refuse)
    with pytest.raises(OutputError, match="no answer"):
        merge(tmp_path / "run", tmp_path / "out", str(start))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "start"]
