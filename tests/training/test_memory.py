"""What a training needs, recounted in three other ways: the cards of models, an audit's table, torch's own tracker."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mmk12.recipes.recipe_loader import apply_overrides, load_recipe
from mmk12.recipes.schema import Finetuning, Hardware, Training
from mmk12.training import preflight
from mmk12.training.memory import MemoryEstimate, estimate_memory, find_misfits, measure_model, read_known_shapes
from mmk12.training.node_memory import NodeMemory, read_node_memory
from mmk12.training.training_plan import make_plan
from mmk12.utils import content

SMALL, LARGE = "OpenGVLab/InternVL2_5-8B-hf", "OpenGVLab/InternVL2_5-38B-Pretrained-hf"
CARDS = {
    SMALL: 8.08,
    LARGE: 38.4,
    "OpenGVLab/InternVL3-1B-hf": 0.938,
    "OpenGVLab/InternVL3-2B-hf": 2.09,
    "OpenGVLab/InternVL3-8B-hf": 7.94,
    "OpenGVLab/InternVL3_5-8B-HF": 8.53,
    "Qwen/Qwen2.5-VL-7B-Instruct": 8.29,
    "Qwen/Qwen3-VL-8B-Instruct": 8.77,
}
"""Billions of parameters, as their cards on the hub say."""

AUDIT = {(SMALL, 8): 29, (SMALL, 16): 22, (LARGE, 8): 92, (LARGE, 16): 60, (LARGE, 32): 44}
"""GiB on each GPU during an update, counted by hand for 6,144 tokens, apart from this code."""

PAPER = Training(max_prompt=2048, max_response=4096)


def estimate(model: str, gpus: int, train: Training | Finetuning = PAPER, **hardware: Any) -> MemoryEstimate:
    return estimate_memory(read_known_shapes()[model], train, Hardware(nodes=gpus // 8 or 1, gpus=8, **hardware))


def test_every_recipe_knows_its_memory_without_a_download(tmp_path: Path) -> None:
    for name in content.names("recipe"):
        assert make_plan(load_recipe(name), data=tmp_path, out=tmp_path, must_exist=False).memory is not None, name


@pytest.mark.parametrize("model", CARDS)
def test_models_have_the_parameters_of_their_cards(model: str) -> None:
    assert measure_model(read_known_shapes()[model]).total / 1e9 == pytest.approx(CARDS[model], rel=0.003)


@pytest.mark.slow
@pytest.mark.parametrize("model", CARDS)
def test_models_have_the_parameters_that_transformers_builds(model: str) -> None:
    torch = pytest.importorskip("torch")
    from mmk12.inference.checkpoint import import_torchvision

    import_torchvision()
    from transformers import CONFIG_MAPPING, AutoModelForImageTextToText

    shape = dict(read_known_shapes()[model])
    config = CONFIG_MAPPING[shape.pop("model_type")](**shape, tie_word_embeddings=False)
    with torch.device("meta"):
        built = AutoModelForImageTextToText.from_config(config)
    assert measure_model({**shape}).total == pytest.approx(built.num_parameters(), rel=0.001)


@pytest.mark.parametrize(("model", "gpus"), AUDIT)
def test_an_update_needs_what_an_independent_count_says(model: str, gpus: int) -> None:
    assert estimate(model, gpus).update == pytest.approx(AUDIT[model, gpus], rel=0.15)


@pytest.mark.slow
def test_an_update_needs_what_torchs_own_tracker_counts() -> None:
    pytest.importorskip("transformers")
    command = [sys.executable, "-m", "tests.training.simulated_update", SMALL, "16", "6144"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=900)
    assert estimate(SMALL, 16).update == pytest.approx(float(done.stdout.splitlines()[-1]), rel=0.15)


def test_offload_frees_a_gpu_for_rollouts_and_not_for_updates() -> None:
    with_it, without = estimate(SMALL, 16), estimate(SMALL, 16, offload=False)
    assert with_it.update == without.update
    assert with_it.optimiser == pytest.approx(8 * with_it.trained / 16 / 2**30)
    assert without.beside - with_it.beside == pytest.approx(with_it.optimiser)
    assert estimate(SMALL, 8).host == pytest.approx(8 * with_it.trained / 2**30)


def test_main_memory_holds_the_whole_model_the_moments_and_the_reference() -> None:
    plain, kl = estimate(SMALL, 8), estimate(SMALL, 8, PAPER.model_copy(update={"kl": 0.01}))
    assert kl.host - plain.host == pytest.approx(2 * plain.parameters / 2**30)
    assert estimate(SMALL, 32).host == pytest.approx(4 * plain.parameters / 2**30)


def test_the_head_dimension_counts_where_a_config_names_it() -> None:
    text = dict(read_known_shapes()["Qwen/Qwen3-VL-8B-Instruct"]["text_config"])
    text |= {"hidden_size": 2560, "intermediate_size": 9728, "tie_word_embeddings": True}  # Qwen3-4B
    assert measure_model({"text_config": text}).total / 1e9 == pytest.approx(4.02, rel=0.002)


def test_lengths_are_those_of_the_longest_sample() -> None:
    capped = Training(max_prompt=4096, max_response=4096, max_model_len=6144)
    assert estimate(SMALL, 16, capped) == estimate(SMALL, 16)
    assert estimate(SMALL, 16, Training(max_prompt=4096)).update > estimate(SMALL, 16).update


def test_an_adapter_needs_little_beside_the_weights() -> None:
    lora = Training.model_validate({"lora": {"rank": 32, "alpha": 64}, "max_model_len": 6144})
    memory = estimate(SMALL, 8, lora)
    assert memory.trained == 32 * 32 * (2 * 8192 + 2 * 5120 + 3 * 18432)
    assert memory.gradients + memory.optimiser < 0.2


def test_what_does_not_fit_is_named_with_its_remedy() -> None:
    def misfits(gpus: int, gib: float = 79.6, host: float | None = 2000, **hardware: Any) -> list[str]:
        machine = Hardware(nodes=gpus // 8, gpus=8, **hardware)
        return list(find_misfits(estimate_memory(read_known_shapes()[LARGE], PAPER, machine), machine, gib, host))

    assert misfits(32, tensor_parallel=4) == []
    [update] = misfits(8, tensor_parallel=4)
    assert "an update needs about 89 GiB on each GPU, which has 80. Take more GPUs" in update
    [engine] = misfits(32)
    assert "Raise hardware.tensor_parallel" in engine
    [beside] = misfits(32, tensor_parallel=4, gpu_memory=0.95)
    assert "Lower hardware.gpu_memory" in beside
    assert misfits(32, tensor_parallel=4, host=128) == ["a node needs about 143 GiB of main memory and has 128"]
    assert misfits(32, tensor_parallel=4, host=None) == []


def test_preflight_fails_where_the_job_does_not_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(*changes: str) -> preflight.PreflightCheck | None:
        recipe = apply_overrides(load_recipe("mm_eureka_zero_38b"), changes)
        plan = make_plan(recipe, data=tmp_path, out=tmp_path, must_exist=False)
        return next(preflight.check_memory(plan, []), None)

    monkeypatch.setattr(preflight, "read_node_memory", lambda: NodeMemory(None, 2000.0))
    assert (found := check()) is not None
    assert found.passed
    assert "hardware.gpu_gib tells its size" in found.message
    assert (found := check("hardware.gpu_gib=79.6")) is not None
    assert found.passed
    assert (found := check("hardware.gpu_gib=79.6", "hardware.nodes=1")) is not None
    assert not found.passed
    monkeypatch.setattr(preflight, "read_node_memory", lambda: NodeMemory(39.4, 2000.0))
    assert (found := check()) is not None
    assert not found.passed
    assert check("hardware.device=cpu") is None


def test_this_machine_has_main_memory() -> None:
    assert (read_node_memory().host or 0) > 0.1


def test_what_is_frozen_is_not_trained() -> None:
    for model in ("OpenGVLab/InternVL3_5-8B-HF", "Qwen/Qwen3-VL-8B-Instruct"):
        size = measure_model(read_known_shapes()[model])
        for word, trained in (
            ("none", size.total),
            ("tower", size.language + size.projector),
            ("all", size.language),
        ):
            assert estimate(model, 8, Training(freeze_vision=word)).trained == trained
