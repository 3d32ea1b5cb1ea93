"""One whole training on the embedded model: build-data, two steps of verl's own trainer, merge, eval.

With the switches of every GPU recipe: packed rows, gradient checkpointing, two updates a step, a frozen tower. The one
verl job of CI runs with real vLLM. `MMK12_ROLLOUT=hf_server` runs it with the transformers server instead.
"""

import json
import os

import pytest

from tests.engines.trainings import mmk12, moved

ROLLOUT = os.environ.get("MMK12_ROLLOUT", "vllm")
STEPS, PROMPTS, ROLLOUTS = 2, 8, 4
GPU_SWITCHES = ("use_remove_padding", "enable_gradient_checkpointing")
SAID = ["score", "acc", "format", "status", "no_answer", "timeout", "truncated", "length"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a finished training, its checkpoint merged into `model`."""
    folder = tmp_path_factory.mktemp("verl")
    mmk12("build-data", "demo", "--limit", 64, "--out", folder / "data")
    changes = [f"train.steps={STEPS}", f"train.checkpoint_every={STEPS}", f"train.validate_every={STEPS}"]
    changes += [f"train.prompts_per_step={PROMPTS}", f"train.rollouts={ROLLOUTS}"]
    changes += [f"train.samples_per_update={PROMPTS * ROLLOUTS // 2}", f"hardware.rollout={ROLLOUT}"]
    changes += ["hardware.micro_batch=8", "train.freeze_vision=tower"]
    changes += [f"overrides.actor_rollout_ref.model.{switch}=true" for switch in GPU_SWITCHES]
    mmk12("train", "demo", "--data", folder / "data", "--out", folder / "run", *changes)
    mmk12("merge", folder / "run", folder / "model")
    return folder


def logged(run):
    """The metrics of each step."""
    (path,) = (run / "run" / "attempts").glob("*/metrics.jsonl")
    rows = map(json.loads, path.read_text("utf-8").splitlines())
    return {row["step"]: row["data"] for row in rows}


def rollouts(run, step):
    return [json.loads(line) for line in (run / "run" / "rollouts" / f"{step}.jsonl").read_text("utf-8").splitlines()]


def test_rollouts_and_actor_agree_on_every_token(run, tell):
    """The same pixels at the same places, and since the second step's rollouts agree with an actor that has learned in
    between: the new weights reached the engine."""
    for step in range(1, STEPS + 1):
        found = logged(run)[step]
        sides = [found[f"rollout_corr/log_ppl_diff_{side}"] for side in ("min", "max")]
        largest, spread = max(map(abs, sides)), abs(found["rollout_corr/chi2_token"])
        tell(f"{ROLLOUT}, step {step}: mean log-probabilities of a response differ by at most {largest:.1e}")
        tell(f"{ROLLOUT}, step {step}: the mean square of the ratio of a token differs from 1 by {spread:.1e}")
        assert largest < 1e-4
        assert spread < 1e-3
        assert found["training/rollout_actor_probs_pearson_corr"] > 0.999
        assert found["reward/prompts/failed"] == 0.0


def test_training_tells_accuracy_format_and_length(run):
    for step in range(1, STEPS + 1):
        found, rows = logged(run)[step], rollouts(run, step)
        assert len(rows) == PROMPTS * ROLLOUTS
        for key in ("score", "acc", "format", "no_answer", "timeout", "truncated", "length"):
            assert found[f"reward/{key}/mean"] == pytest.approx(sum(row[key] for row in rows) / len(rows))
        assert found["reward/length/mean"] == pytest.approx(found["response_length/mean"])
        assert found["reward/score/mean"] == pytest.approx(found["critic/score/mean"], abs=1e-5)
        assert sum(value for key, value in found.items() if key.startswith("reward/status/")) == pytest.approx(1.0)


def test_each_rollout_is_told_with_its_sample_and_verdict(run):
    for row in rollouts(run, 1):
        assert row["id"].startswith("demo/")
        assert set(SAID) <= set(row)
        assert row["score"] == row["acc"] + 0.5 * row["format"]


def test_validation_tells_the_same(run):
    (first, *_) = map(json.loads, (run / "run" / "validation" / "0.jsonl").read_text("utf-8").splitlines())
    assert set(SAID) <= set(first)
    assert {"val-core/mmk12/paper_instruct/acc/mean@1"} <= set(logged(run)[0])


def test_the_language_model_learned_and_the_frozen_tower_did_not(run):
    changed = moved(run / "model")
    assert any("language_model" in name for name in changed)
    assert not any("vision_tower" in name for name in changed)


def test_the_merged_checkpoint_can_be_evaluated(run):
    options = ["--benchmarks", "demo", "--backend", "hf", "--limit", 16, "--out", run / "eval"]
    mmk12("eval", "--model", run / "model", *options)
    results = json.loads((run / "eval" / "results.json").read_text("utf-8"))
    assert results["benchmarks"]["demo"]["n"] == 16
