"""The SFT baseline by verl's own trainer: two steps on the embedded model, checkpoint, merge."""

import json
import subprocess
import sys

import pytest

from mmk12.demo import model_path
from tests.engines.trainings import mmk12, moved

STEPS = 2


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished fine-tuning, its checkpoint merged into `model`."""
    folder = tmp_path_factory.mktemp("sft")
    mmk12("build-data", "demo", "--limit", 64, "--out", folder / "data")
    changes = ["train=null", "sft.batch=8", "sft.learning_rate=1.0e-3", f"sft.steps={STEPS}", "hardware.micro_batch=4"]
    mmk12("train", "demo", "--data", folder / "data", "--out", folder / "run", *changes, "sft.tiling.crop=false")
    mmk12("merge", folder / "run", folder / "model")
    return folder


def test_the_loss_of_the_golds_falls(run, tell):
    (path,) = (run / "run" / "attempts").glob("*/metrics.jsonl")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    losses = {row["step"]: row["data"]["train/loss"] for row in rows if "train/loss" in row["data"]}
    tell(f"verl's SFT trainer: loss {losses[1]:.3f}, then {losses[STEPS]:.3f}")
    assert losses[STEPS] < losses[1]


def test_the_language_model_learned_and_the_frozen_tower_did_not(run):
    changed = moved(run / "model")
    assert any("language_model" in name for name in changed)
    assert not any("vision_tower" in name for name in changed)


def test_only_the_answer_is_learned(run):
    """The loss mask covers the gold in its tags and the end of the turn, nothing else."""
    code = (
        "import verl, sys\n"
        "from types import SimpleNamespace\n"
        "from mmk12.verl_plugin.datasets import SftDataset\n"
        "from transformers import AutoProcessor\n"
        "processor = AutoProcessor.from_pretrained(sys.argv[1])\n"
        "config = SimpleNamespace(mm_processor_kwargs={'crop_to_patches': False}, max_length=1024)\n"
        "rows = SftDataset(sys.argv[2], processor.tokenizer, config, processor)\n"
        "row = rows[0]\n"
        "assert len(row['input_ids']) == len(row['loss_mask']) == len(row['position_ids'])\n"
        "told = row['input_ids'][row['loss_mask'].bool()]\n"
        "print(processor.tokenizer.decode(told))\n"
        "print(rows.rows[0]['reward_model']['ground_truth'])\n"
    )
    command = [sys.executable, "-c", code, str(model_path("demo")), str(run / "data" / "train.parquet")]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"MMK12_VERL": "1", "VERL_PLATFORM": "cpu"}
    )
    assert done.returncode == 0, done.stderr[-2000:]
    learned, gold = done.stdout.splitlines()[-2:]
    assert learned.replace(" ", "") == f"<answer>{gold}</answer><|im_end|>".replace(" ", "")
