"""examples/trl_grpo: TRL trains the embedded model on our data with our reward, and its model comes back."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mmk12.cli import app
from mmk12.curation import build_data
from mmk12.curation.exports import export_for

pytestmark = pytest.mark.peer
SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "trl_grpo" / "train.py"
STEPS = 20


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trl")
    built = build_data("demo", out=folder / "data", limit=200).out
    train = export_for(built, "trl", folder / "trl").files[0]
    command = [sys.executable, str(SCRIPT), str(train), "--out", str(folder / "run"), "--steps", str(STEPS)]
    subprocess.run(command, check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    return folder / "run"


def test_every_step_is_logged_with_our_reward(run):
    history = json.loads((run / "trainer_state.json").read_text())["log_history"]
    steps = [entry for entry in history if "reward" in entry]
    assert len(steps) == STEPS
    assert all(0 <= entry["acc"] <= 1 and 0 <= entry["format"] <= 1 for entry in steps)
    assert all(entry["reward"] == pytest.approx(entry["acc"] + 0.5 * entry["format"], abs=1e-4) for entry in steps)
    assert max(entry["reward"] for entry in steps) > 0
    assert any(entry["grad_norm"] > 0 for entry in steps)


def test_the_trained_model_is_evaluated(run, tmp_path):
    from typer.testing import CliRunner

    command = ["eval", "--model", str(run / "model"), "--backend", "hf", "--benchmarks", "demo", "--limit", "8"]
    done = CliRunner().invoke(app, [*command, "--out", str(tmp_path / "eval")])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "eval" / "results.json").read_text())["benchmarks"]["demo"]["n"] == 8


def test_the_trained_model_loads_in_plain_transformers(run):
    program = (
        "import sys; from transformers import AutoModelForImageTextToText, AutoProcessor;"
        "AutoProcessor.from_pretrained(sys.argv[1]); AutoModelForImageTextToText.from_pretrained(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", program, str(run / "model")], check=True)
