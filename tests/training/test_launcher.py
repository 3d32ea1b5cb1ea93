"""The run folder of a training: no launch writes over another, and no experiment over another."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from mmk12.errors import OutputError
from mmk12.recipes.recipe_loader import apply_overrides, load_recipe
from mmk12.training.launcher import MetricsLog, describe_environment, format_log_line, job_environment, next_attempt
from mmk12.training.training_plan import TrainingPlan, make_plan


def plan_in(out: Path, *changes: str) -> TrainingPlan:
    recipe = apply_overrides(load_recipe("demo"), changes)
    return make_plan(recipe, data=out / "data", out=out, must_exist=False)


def test_launches_are_numbered_and_a_second_one_must_be_asked_for(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    first = next_attempt(plan, resume=False)
    describe_environment(first, plan, plan.command(), job_environment(plan, first, print))
    assert first.folder.name == "001"
    with pytest.raises(OutputError, match="--resume"):
        next_attempt(plan, resume=False)
    assert next_attempt(plan, resume=True).folder.name == "002"
    assert "verl.trainer.main_ppo" in (first.folder / "command.txt").read_text()
    assert yaml.safe_load((first.folder / "config.yaml").read_text())["algorithm.adv_estimator"] == "rloo"
    told = json.loads((first.folder / "env.json").read_text())
    assert told["environment"]["VERL_FILE_LOGGER_PATH"].endswith("attempts/001/metrics.jsonl")
    assert told["environment"]["MMK12_VERL"] == "1"


def test_another_experiment_is_refused_other_hardware_is_not(tmp_path: Path) -> None:
    next_attempt(plan_in(tmp_path), resume=False)
    next_attempt(plan_in(tmp_path, "hardware.micro_batch=32"), resume=True)
    with pytest.raises(OutputError, match=r"another experiment \(train differ\)"):
        next_attempt(plan_in(tmp_path, "train.kl=0.01"), resume=True)


def test_a_run_of_an_older_release_goes_on(tmp_path: Path) -> None:
    next_attempt(plan_in(tmp_path), resume=False)
    path = tmp_path / "resolved.yaml"
    written = yaml.safe_load(path.read_text())
    written["profile"] = {"prompt": written.pop("prompt"), "reward": written.pop("reward")["profile"]}
    path.write_text(yaml.safe_dump(written))
    assert next_attempt(plan_in(tmp_path), resume=True).folder.name == "002"
    path.write_text(yaml.safe_dump(written))
    with pytest.raises(OutputError, match=r"another experiment \(reward differ\)"):
        next_attempt(plan_in(tmp_path, "reward.profile=strict"), resume=True)


def test_the_log_is_read_line_by_line_and_torn_lines_wait(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    log = MetricsLog(path)
    assert list(log.read_new()) == []
    path.write_text('{"step": 1, "data": {"critic/score/mean": 0.5}}\n{"step": 2, "da')
    assert [step for step, _ in log.read_new()] == [1]
    with open(path, "a") as file:
        file.write('ta": {}}\nnot json\n[]\n{"step": "x", "data": {}}\n')
    assert [step for step, _ in log.read_new()] == [2]


def test_a_line_of_progress() -> None:
    metrics = {
        "critic/score/mean": 0.934,
        "reward/acc/mean": 0.5,
        "response_length/mean": 311.6,
        "timing_s/step": 60.0,
    }
    shown = format_log_line(10, metrics, 100)
    assert shown == "step 10 of 100   reward 0.934   accuracy 0.500   length 312   60 s a step, 1 h 30 min to go"
    assert format_log_line(3, {}, None) == "step 3"
