"""`mmk12 merge` with verl's own merger: kills at any moment, and adapters that must not be lost."""

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from mmk12.errors import BadInput, ModelError
from mmk12.training.merge_checkpoint import merge_checkpoint
from tests.engines import merging
from tests.engines.trainings import mmk12

MMK12 = str(Path(sys.executable).with_name("mmk12"))
RANK, ALPHA = 4, 8


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of one whole step and one that verl did not finish."""
    folder = tmp_path_factory.mktemp("merge") / "run"
    merging.save_checkpoint(merging.load_demo(), folder, 3)
    torn = folder / "checkpoints" / "global_step_4" / "actor"
    torn.mkdir(parents=True)
    (torn / "model_world_size_1_rank_0.pt").write_bytes(b"cut short")
    return folder


@pytest.fixture(scope="module")
def whole(run):
    """The hashes of a merge that nobody killed."""
    told = mmk12("merge", run, run.parent / "whole")
    assert "merged step 3" in told
    assert "left out 4" in told
    assert f"holds step 3 ({run}" in mmk12("merge", run, run.parent / "whole")
    return hashes(run.parent / "whole")


def hashes(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def children(word):
    """The processes of this machine whose command line holds `word`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if word.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


MOMENTS = {
    "the merger has started": lambda part, out: part.is_dir(),
    "the config is there": lambda part, out: (part / "config.json").is_file(),
    "the weights are there": lambda part, out: any(part.glob("*.safetensors")),
    "it is being asked": lambda part, out: (part / "tokenizer.json").is_file() and not children("verl.model_merger"),
    "it has its name": lambda part, out: out.is_dir(),
}


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_merge_is_done_by_the_same_command(moment, run, whole, tmp_path):
    out, part = tmp_path / "model", tmp_path / ".model.part"
    command = [MMK12, "merge", str(run), str(out)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as merge:
        deadline = time.monotonic() + 300
        while merge.poll() is None and time.monotonic() < deadline and not MOMENTS[moment](part, out):
            time.sleep(0.002)
        os.kill(merge.pid, signal.SIGKILL)
    assert merge.returncode == -signal.SIGKILL or out.is_dir()
    deadline = time.monotonic() + 20
    while (left := children(str(part))) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not left, "the merger outlives its parent"
    assert not out.exists() or hashes(out).keys() - {".lock"} == whole.keys()
    mmk12("merge", run, out)
    assert hashes(out) == whole
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_an_adapter_is_in_the_merged_weights(tmp_path):
    adapted = merging.adapt(merging.load_demo(), RANK, ALPHA)
    layers = {name for name, module in adapted.get_base_model().named_modules() if hasattr(module, "lora_A")}
    assert layers
    assert all("language_model" in name for name in layers)
    merging.save_checkpoint(adapted, tmp_path / "run", 1, {"r": RANK, "lora_alpha": ALPHA, "task_type": "CAUSAL_LM"})
    merge_checkpoint(tmp_path / "run", tmp_path / "model")
    assert not (tmp_path / "model" / "lora_adapter").exists()

    start, merged = merging.model_path("demo"), tmp_path / "model"
    before, after = (load_file(folder / "model.safetensors") for folder in (start, merged))
    assert before.keys() == after.keys()
    factors, changed = adapted.state_dict(), set()
    for name, tensor in before.items():
        expected = tensor.bfloat16().float()
        layer = next(
            (layer for layer in layers if name.endswith(f".{layer.partition('language_model.')[2]}.weight")), None
        )
        if layer is not None:
            down, up = (factors[f"base_model.model.{layer}.lora_{part}.default.weight"] for part in "AB")
            delta = ALPHA / RANK * (up @ down)
            assert delta.abs().max() > 0.1
            expected = expected + delta
            changed.add(layer)
        torch.testing.assert_close(after[name].float(), expected, atol=5e-3, rtol=2e-2, msg=name)
    assert changed == layers


def test_an_adapter_that_cannot_be_merged_fails(tmp_path):
    adapted = merging.adapt(merging.load_demo(), RANK, ALPHA)
    merging.save_checkpoint(adapted, tmp_path / "run", 1)
    with pytest.raises(BadInput, match=r"alpha 0.*lora_train_meta\.json"):
        merge_checkpoint(tmp_path / "run", tmp_path / "model")
    shards = tmp_path / "run" / "checkpoints" / "global_step_1" / "actor"
    (shards / "lora_train_meta.json").write_text('{"r": 4, "lora_alpha": 8}')
    only = {name: tensor for name, tensor in adapted.state_dict().items() if "lora_" in name}
    torch.save(only, shards / "model_world_size_1_rank_0.pt")
    with pytest.raises(ModelError):
        merge_checkpoint(tmp_path / "run", tmp_path / "model")
    assert not (tmp_path / "model").exists()
