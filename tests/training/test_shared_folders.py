"""What the nodes of a cluster must see alike; the nodes here are folders of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mmk12.training import shared_folders
from mmk12.training.cluster import Node
from mmk12.training.shared_folders import check_shared_folders, look_around

HEAD, OTHER = Node("a", "10.0.0.1", 8), Node("b", "10.0.0.2", 8)
Run = Callable[[Path, Path], list[tuple[str, bool, str]]]


@pytest.fixture
def head(tmp_path: Path) -> Path:
    """The disk of the head, with a run folder and a model."""
    model = tmp_path / "head" / "model"
    model.mkdir(parents=True)
    (model / "config.json").write_text('{"a": 1}')
    (model / "model.safetensors").write_bytes(b"12345678")
    (tmp_path / "head" / "run").mkdir()
    return tmp_path / "head"


def check(monkeypatch: pytest.MonkeyPatch, head: Path, other: Path, error: str | None = None) -> dict[str, str]:
    """The failed checks of two nodes; the second one has the disk `other`."""

    def run_on_nodes(nodes: Sequence[Node], function: Any, *paths: str) -> Iterator[tuple[Node, Any, str | None]]:
        assert function is look_around
        yield HEAD, function(*paths), None
        seen = function(*(path.replace(str(head), str(other)) for path in paths))
        yield OTHER, None if error else seen, error

    monkeypatch.setattr(shared_folders, "run_on_nodes", run_on_nodes)
    found = check_shared_folders([HEAD, OTHER], head / "run", str(head / "model"))
    assert [name for name, _, _ in found] == ["out", "model"] * 2
    assert all(passed and HEAD.address in message for _, passed, message in found[:2])
    assert not list((head / "run").iterdir()), "the token is removed"
    return {name: message for name, passed, message in found if not passed}


def test_one_disk_passes(monkeypatch: pytest.MonkeyPatch, head: Path) -> None:
    assert check(monkeypatch, head, head) == {}


def test_another_disk_under_the_same_name_is_found(monkeypatch: pytest.MonkeyPatch, head: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(head, other)
    failed = check(monkeypatch, head, other)
    assert list(failed) == ["out"]
    assert failed["out"].startswith("10.0.0.2: ")
    assert "put --out on a disk that all nodes share" in failed["out"]
    (other / "model" / "model.safetensors").write_bytes(b"1234")
    assert "another checkpoint there (model.safetensors differs)" in check(monkeypatch, head, other)["model"]
    shutil.rmtree(other / "model")
    assert "there is no" in check(monkeypatch, head, other)["model"]
    (other / "run").rmdir()
    assert "out" in check(monkeypatch, head, other)


def test_a_node_without_mmk12_is_named(monkeypatch: pytest.MonkeyPatch, head: Path) -> None:
    assert set(check(monkeypatch, head, head, error="ModuleNotFoundError")) == {"out", "model"}


def test_a_model_of_the_hub_is_not_compared(monkeypatch: pytest.MonkeyPatch, head: Path) -> None:
    monkeypatch.setattr(
        shared_folders, "run_on_nodes", lambda nodes, function, *paths: [(HEAD, function(*paths), None)]
    )
    found = check_shared_folders([HEAD], head / "run", "OpenGVLab/InternVL3-8B-hf")
    assert [(name, passed) for name, passed, _ in found] == [("out", True)]
