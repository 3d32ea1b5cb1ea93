"""Every model family through a whole training: two steps of verl with vLLM, merged; tiny random checkpoints.

Random models earn no reward, so entropy is the loss: weights move, and the second step's rollouts show that they
reached the engine. With the switches of every GPU recipe, and a word of `freeze_vision` each.
"""

import json
import os
import warnings
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoProcessor

os.environ |= {"MMK12_VERL": "1", "VERL_PLATFORM": "cpu", "VERL_ENGINE_DEVICE": "cuda"}  # before verl is imported
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # verl and Ray use what they themselves call deprecated
    from mmk12.verl_plugin.datasets import decode_images, to_messages

from tests.engines.families import part, save
from tests.engines.trainings import mmk12

STEPS, PROMPTS, ROLLOUTS = 2, 4, 2
GPU_SWITCHES = ("use_remove_padding", "enable_gradient_checkpointing")
WORDS = {
    "internvl3_5": ["train.freeze_vision=tower"],
    "qwen2_5_vl": ["train.freeze_vision=tower", "train.tiling=null", "train.pixels={min: 50176, max: 100352}"],
    "qwen3_vl": ["train.freeze_vision=all", "train.tiling=null", "train.pixels={min: 65536, max: 131072}"],
}
TRAINED = {
    "internvl3_5": {"language", "projector"},
    "qwen2_5_vl": {"language", "projector"},
    "qwen3_vl": {"language"},
}
_MASKED = 5e-3
"""verl masks the marks of images in rollouts alone; a random model gives each a probability of about a thousandth."""
PIXELS = {"qwen2_5_vl": (50_176, 100_352), "qwen3_vl": (65_536, 131_072)}
"""The bounds in `WORDS`: an image has 64 tokens, by the processors' own settings 16."""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    mmk12("build-data", "demo", "--limit", 32, "--out", folder / "data")
    return folder / "data"


@pytest.fixture(scope="module", params=sorted(WORDS))
def run(request, data, tmp_path_factory):
    """The folder of a finished training, its checkpoint merged into `model`."""
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(1)
    save(request.param, folder / "start")
    changes = [f"train.steps={STEPS}", f"train.checkpoint_every={STEPS}", "train.validate_every=null"]
    changes += [f"train.prompts_per_step={PROMPTS}", f"train.rollouts={ROLLOUTS}", "train.max_response=16"]
    changes += [f"train.samples_per_update={PROMPTS * ROLLOUTS}", "hardware.micro_batch=4"]
    changes += ["train.learning_rate=0.01", "overrides.actor_rollout_ref.actor.entropy_coeff=0.1"]
    changes += [f"overrides.actor_rollout_ref.model.{switch}=true" for switch in GPU_SWITCHES]
    where = ["--model", folder / "start", "--data", data, "--out", folder / "run"]
    mmk12("train", "demo", *where, *changes, *WORDS[request.param])
    mmk12("merge", folder / "run", folder / "model")
    return SimpleNamespace(name=request.param, folder=folder)


def load(folder):
    return {name: tensor for path in folder.glob("*.safetensors") for name, tensor in load_file(path).items()}


def test_rollouts_and_actor_agree_and_the_right_tensors_moved(run, tell):
    (path,) = (run.folder / "run" / "attempts").glob("*/metrics.jsonl")
    steps = {row["step"]: row["data"] for row in map(json.loads, path.read_text("utf-8").splitlines())}
    assert sorted(steps) == list(range(1, STEPS + 1))
    for step, found in steps.items():
        largest = max(abs(found[f"rollout_corr/log_ppl_diff_{side}"]) for side in ("min", "max"))
        tell(f"{run.name}, step {step}: mean log-probabilities of a response differ by at most {largest:.1e}")
        assert largest < _MASKED
        assert found["reward/prompts/failed"] == 0.0
    before, after = load(run.folder / "start"), load(run.folder / "model")
    assert set(after) == set(before)
    moved = {name for name, tensor in after.items() if not torch.equal(tensor, before[name].to(tensor.dtype))}
    assert {part(name) for name in moved} == TRAINED[run.name]


def test_the_bounds_of_pixels_reached_the_prompts(run, data):
    if run.name not in PIXELS:
        pytest.skip("InternVL is bounded by tiles")
    (path,) = (run.folder / "run" / "attempts").glob("*/metrics.jsonl")
    steps = [json.loads(line)["data"] for line in path.read_text("utf-8").splitlines()]
    rows = pq.read_table(data / "train.parquet").to_pylist()
    bounds = dict(zip(("min_pixels", "max_pixels"), PIXELS[run.name], strict=True))
    processor = AutoProcessor.from_pretrained(run.folder / "start")
    own, bounded = ([count_tokens(processor, row, given) for row in rows] for given in ({}, bounds))
    assert max(own) < min(step["prompt_length/min"] for step in steps)
    assert max(bounded) >= max(step["prompt_length/max"] for step in steps)
    assert min(bounded) <= min(step["prompt_length/min"] for step in steps)


def count_tokens(processor, row, settings):
    """The tokens of a row's prompt, by the whole processor."""
    messages = to_messages(row["prompt"], row["images"])
    text = processor.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
    features = processor(text=[text], images=decode_images(messages), return_tensors="pt", **settings)
    return features["input_ids"].shape[1]
