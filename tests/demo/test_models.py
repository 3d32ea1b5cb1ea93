"""The shipped models: complete, small, documented, loadable the plain way, and as good as their cards say."""

import json

import pytest

from mmk12.demo import generate_problems, model_path
from mmk12.errors import UnknownName
from mmk12.verifier import verify

MODELS = ("demo", "demo-tuned")
PLAUSIBLE = {"demo": (0.35, 0.75), "demo-tuned": (0.75, 1.0)}
"""Greedy accuracy on a small sample: wide bounds around the card's figures."""


@pytest.mark.parametrize("name", MODELS)
def test_folder_is_complete(name):
    files = {path.name for path in model_path(name).iterdir()}
    assert files >= {
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "processor_config.json",
        "README.md",
    }


def test_weights_are_small_enough_for_git():
    total = sum(path.stat().st_size for name in MODELS for path in model_path(name).rglob("*"))
    assert total < 5_000_000


@pytest.mark.parametrize("name", MODELS)
def test_config_is_hf_native_internvl(name):
    config = json.loads((model_path(name) / "config.json").read_text())
    assert config["architectures"] == ["InternVLForConditionalGeneration"]
    assert config["text_config"]["max_position_embeddings"] >= 2048


@pytest.mark.parametrize("name", MODELS)
def test_card_says_what_how_and_how_well(name):
    card = (model_path(name) / "README.md").read_text()
    for said in ("license:", "tools.train_demo_model", "--seed", "pass@8", 'split "test"', "instruct", "float16"):
        assert said in card


def test_unknown_models_are_named():
    with pytest.raises(UnknownName, match="Did you mean 'demo'"):
        model_path("demos")


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.parametrize("name", MODELS)
def test_shipped_model_answers_as_its_card_says(name):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    from tools.train_demo_model.exam import answer

    folder = model_path(name)
    processor = transformers.AutoProcessor.from_pretrained(folder)
    model = transformers.AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    asked = list(generate_problems("test", 48, seed=2))
    verdicts = [
        verify(text, problem.answer) for problem, text in zip(asked, answer(model, processor, asked), strict=True)
    ]
    assert sum(verdict.format_ok for verdict in verdicts) >= 0.95 * len(asked)
    low, high = PLAUSIBLE[name]
    assert low <= sum(verdict.correct for verdict in verdicts) / len(asked) <= high
