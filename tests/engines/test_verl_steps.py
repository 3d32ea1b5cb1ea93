"""Nothing of a step vanishes, on verl's own trainer class: lost rollouts, padding rows, log before marker."""

import json
import os
import subprocess
import sys
import warnings
from types import SimpleNamespace

import pytest

os.environ |= {"MMK12_VERL": "1", "VERL_PLATFORM": "cpu", "VERL_ENGINE_DEVICE": "cuda"}  # before verl is imported

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # verl and Ray use what they themselves call deprecated
    from omegaconf import OmegaConf
    from transfer_queue import KVBatchMeta
    from verl.trainer.ppo.v1 import trainer_base
    from verl.trainer.ppo.v1.trainer_base import PPOTrainer

    from mmk12.verl_plugin.step_record import MARKER, LostRolloutsError, _count_first, _dump_real_rows

ROLLOUTS = 4


class OneStep(PPOTrainer):
    """verl's trainer without workers: its own code saves, dumps and logs."""

    def __init__(self, folder, step):
        self.config = OmegaConf.create(
            {
                "trainer": {"default_local_dir": str(folder / "checkpoints"), "default_hdfs_dir": None},
                "actor_rollout_ref": {"actor": {}, "rollout": {"n": ROLLOUTS}},
                "data": {"train_batch_size": 8},
                "mmk12": {"max_failed": 0.25},
            }
        )
        self.global_steps, self.trainer_mode, self.use_critic, self.parameter_sync_step = step, "sync", False, 1
        self.actor_rollout_wg = SimpleNamespace(save_checkpoint=lambda *_, **__: None)
        self.train_dataloader = SimpleNamespace(state_dict=dict)
        self.checkpoint_callback = SimpleNamespace(on_save=lambda **_: None)
        self._init_dump_executor()
        self.logger = trainer_base.Tracking("mmk12", "steps", ["file"])

    def dump(self, folder):
        self._dump_generations(["q"], ["a"], ["4"], [1.0], {"uid": ["p"], "more": [1]}, str(folder / "rollouts"))


OneStep.__abstractmethods__ = frozenset()


def take_step(folder, step, last="log"):
    """A step as verl's `fit` takes it, up to the part `last`."""
    os.environ["VERL_FILE_LOGGER_PATH"] = str(folder / f"metrics-{step}.jsonl")
    trainer = OneStep(folder, step)
    parts = {
        "save": trainer._save_checkpoint,
        "dump": lambda: trainer.dump(folder),
        "log": lambda: trainer.logger.log({"reward": 1.0}, step),
    }
    for name, do in parts.items():
        do()
        if name == last:
            return


def marker(folder):
    path = folder / "checkpoints" / MARKER
    return path.read_text() if path.exists() else None


@pytest.mark.parametrize("last", ["save", "dump"])
def test_a_kill_between_checkpoint_and_log_resumes_before_the_step(tmp_path, last):
    take_step(tmp_path, 1)
    code = (
        "import os, signal; from pathlib import Path; from tests.engines import test_verl_steps as t; "
        f"t.take_step(Path({str(tmp_path)!r}), 2, {last!r}); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == -9, done.stderr[-2000:]
    assert (tmp_path / "checkpoints" / "global_step_2" / "data.pt").exists()
    assert marker(tmp_path) == "1"
    take_step(tmp_path, 2)
    assert marker(tmp_path) == "2"


def test_what_is_announced_is_logged_and_dumped(tmp_path):
    for last, announced in (("save", None), ("dump", None), ("log", "3")):
        take_step(tmp_path, 3, last)
        assert marker(tmp_path) == announced
    assert json.loads((tmp_path / "metrics-3.jsonl").read_text())["step"] == 3
    (row,) = (tmp_path / "rollouts" / "3.jsonl").read_text().splitlines()
    assert json.loads(row)["output"] == "a"
    assert not list((tmp_path / "checkpoints").glob("*.part"))


def batch(prompts, *, lost=(), padding=0):
    keys = [f"p{at}_{rollout}_0" for at in range(prompts) for rollout in range(ROLLOUTS) if (at, rollout) not in lost]
    tags = [{"seq_len": 5} for _ in keys]
    keys += [f"padxyz_{at}_0" for at in range(padding)]
    tags += [{"seq_len": 5, "is_padding": True} for _ in range(padding)]
    return KVBatchMeta(partition_id="train", keys=keys, tags=tags)


@pytest.mark.parametrize(
    ("given", "share"),
    [
        (batch(8), 0.0),
        (batch(8, lost=[(2, 1)]), 1 / 8),
        (batch(8, lost=[(2, 1), (2, 3), (5, 0)]), 2 / 8),
        (batch(7, lost=[(0, 0)]), 2 / 8),  # one prompt lost all of them
        (batch(6, lost=[(0, 0)]), 3 / 8),
    ],
)
def test_prompts_that_lost_rollouts_are_counted_and_too_many_end_the_job(tmp_path, given, share):
    os.environ["VERL_FILE_LOGGER_PATH"] = str(tmp_path / "metrics.jsonl")
    trainer, metrics, trained = OneStep(tmp_path, 1), {}, []
    balance = _count_first(lambda self, batch, metrics: trained.append(batch))
    if share > 0.25:
        with pytest.raises(LostRolloutsError, match=r"37\.5% of the prompts of a step lost rollouts.*max_failed"):
            balance(trainer, given, metrics)
    else:
        balance(trainer, given, metrics)
    assert metrics["reward/prompts/failed"] == pytest.approx(share)
    assert bool(trained) == (share <= 0.25)


def test_padding_rows_are_no_rollouts():
    dumped = []
    _dump_real_rows(lambda self, batch, timing, folder: dumped.extend(batch.keys))(None, batch(2, padding=3), {}, "x")
    assert dumped == batch(2).keys


def test_the_patches_sit_on_verls_own_trainer():
    assert trainer_base.open.__module__ == "mmk12.verl_plugin.step_record"
    for owner, name in (
        (PPOTrainer, "_balance_batch"),
        (PPOTrainer, "_log_rollout_data"),
        (PPOTrainer, "_save_checkpoint"),
    ):
        assert getattr(owner, name).__code__.co_filename.endswith("step_record.py")
