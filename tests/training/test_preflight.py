"""What preflight finds before a job is started, on a real build of the demo data and on broken rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mmk12._version import VERL
from mmk12.curation import build_data
from mmk12.errors import ModelError
from mmk12.recipes.recipe_loader import apply_overrides, load_recipe
from mmk12.training import preflight
from mmk12.training.cluster import Node
from mmk12.training.training_plan import TrainingPlan, make_plan
from mmk12.types import Image, Message

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("data")
    build_data("demo", out=out, limit=96)
    return out


def plan_on(data: Path, out: Path, *changes: str) -> TrainingPlan:
    return make_plan(apply_overrides(load_recipe("demo"), changes), data=data, out=out)


def test_a_good_experiment_passes(data: Path, tmp_path: Path) -> None:
    plan = plan_on(data, tmp_path)
    checks = list(preflight.check_experiment(plan))
    assert [(check.name, check.passed) for check in checks] == [("model", True), ("rewards", True), ("prompts", True)]
    assert "longest prompt" in checks[-1].message
    node = {
        check.name: check for check in preflight.check_node(str(data / "train.parquet"), str(tmp_path / "c"), 10**6)
    }
    assert node["data"].passed
    assert node["disk"].passed


def test_preflight_reports_every_check_and_fails_after_the_last(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_on(data, tmp_path)
    outcomes: list[tuple[str, bool]] = []

    def run() -> list[Node]:
        outcomes.clear()
        return preflight.run_preflight(
            plan,
            ray_address=None,
            deadline=0,
            report=lambda check: outcomes.append((check.name, check.passed)),
            say=lambda line: None,
        )

    monkeypatch.setattr(preflight.metadata, "version", lambda name: VERL)
    assert run() == []
    assert outcomes == [(name, True) for name in ("verl", "data", "disk", "model", "rewards", "prompts")]
    monkeypatch.setattr(preflight.metadata, "version", lambda name: "0.1")
    with pytest.raises(ModelError, match=rf"1 of 6 checks failed: verl: 0\.1 is installed, .* for {VERL}"):
        run()
    assert outcomes == [("verl", False), *((name, True) for name in ("data", "disk", "model", "rewards", "prompts"))]


def test_prompts_that_do_not_fit_are_named(data: Path, tmp_path: Path) -> None:
    *_, prompts = preflight.check_experiment(plan_on(data, tmp_path, "train.max_prompt=40"))
    assert not prompts.passed
    assert "demo/" in prompts.message
    assert "more than 40" in prompts.message


def test_a_full_disk_and_unreadable_data_fail(tmp_path: Path) -> None:
    broken = tmp_path / "train.parquet"
    broken.write_bytes(b"PAR1 no")
    checks = {check.name: check for check in preflight.check_node(str(broken), str(tmp_path), 2**60)}
    assert not checks["data"].passed
    assert not checks["disk"].passed


def test_a_checkpoint_in_the_other_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "internvl_chat"}')
    check = preflight._check_layout(str(tmp_path))
    assert not check.passed
    assert "OpenGVLab's layout" in check.message


def row(pictures: Sequence[bytes], text: str) -> dict[str, Any]:
    images = [{"bytes": picture, "path": "x"} for picture in pictures]
    return {"prompt": [{"role": "user", "content": text}], "images": images, "extra_info": {"id": "s/1"}}


def test_broken_rows_are_counted_and_named() -> None:
    def measure(messages: list[Message], images: list[Image]) -> int:
        return 10

    rows = [row([b"no picture"], "<image>x"), row([], "<image>x"), row([], "x")]
    found = preflight.check_rows(rows, 3, measure, 100)
    assert found.count == 3
    assert found.longest == 10
    assert [fault.split(":")[0] for fault in found.faults] == ["s/1", "s/1"]
    assert "1 <image> marks for 0 images" in found.faults[1]
