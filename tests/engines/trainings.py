"""What the tests of whole trainings share: running a command, and what a training has moved."""

import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from mmk12.demo import model_path


def mmk12(*arguments, seconds=1500):
    """Runs a command in this environment; its output, or the end of it in the failure."""
    command = [str(Path(sys.executable).with_name("mmk12")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def moved(model):
    """The names of the tensors in which the folder `model` differs from the embedded starter; both have the same."""
    before = load_file(model_path("demo") / "model.safetensors")
    after = load_file(next(model.glob("*.safetensors")))
    assert set(after) == set(before)
    return {name for name, tensor in after.items() if not torch.equal(tensor, before[name].float().to(tensor.dtype))}
