"""Qwen2.5-VL and Qwen3-VL under verl's own patches for packed sequences, without flash-attn."""

import os
import warnings

import pytest
import torch

os.environ |= {"MMK12_VERL": "1", "VERL_PLATFORM": "cpu", "VERL_ENGINE_DEVICE": "cuda"}  # before verl is imported
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # verl and Ray use what they themselves call deprecated
    import verl  # noqa: F401
    from verl.models.transformers.monkey_patch import apply_monkey_patch

from transformers import AutoModelForImageTextToText, AutoProcessor

from mmk12.demo import generate_problems
from mmk12.utils.images import decode
from tests.engines.families import BUILDERS, IMAGE, save

SIZES = ((112, 112), (224, 140), (168, 168))


@pytest.fixture(params=sorted(BUILDERS))
def family(request, tmp_path):
    """Weights far from uniform: a layer that saw the wrong tokens would show."""
    torch.manual_seed(1)
    save(request.param, tmp_path)
    model = AutoModelForImageTextToText.from_pretrained(tmp_path, dtype=torch.float32, attn_implementation="sdpa")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.eval(), AutoProcessor.from_pretrained(tmp_path)


def rows(processor):
    """Questions with figures of three sizes, as the processor returns them."""
    made = []
    for problem, size in zip(generate_problems("test", len(SIZES)), SIZES, strict=True):
        text = f"<|im_start|>user\n{IMAGE}{problem.question}<|im_end|>\n<|im_start|>assistant\n{problem.answer}"
        images = [decode(problem.png)[0].resize(size)]
        made.append(processor(text=[text], images=images, return_tensors="pt"))
    return made


def positions(model, row):
    """Positions as verl sends them: those of the text, then time, height and width; 4 x 1 x tokens."""
    length = row["input_ids"].shape[1]
    types = {"mm_token_type_ids": row["mm_token_type_ids"]} if "mm_token_type_ids" in row else {}
    grid = {"image_grid_thw": row["image_grid_thw"], "attention_mask": row["attention_mask"]}
    rope, _ = model.model.get_rope_index(row["input_ids"], **types, **grid)
    return torch.cat([torch.arange(length)[None, None], rope], 0)


@torch.no_grad()
def test_packed_rows_do_not_see_each_other(family, tell):
    """Every GPU recipe packs its rows (`use_remove_padding`): each must be answered as if it were alone."""
    model, processor = family
    made = rows(processor)
    alone = torch.cat([model(**row, use_cache=False).logits[0] for row in made])
    where = torch.cat([positions(model, row) for row in made], -1)
    apply_monkey_patch(model, use_remove_padding=True, ulysses_sp_size=1)
    together = model(
        input_ids=torch.cat([row["input_ids"] for row in made], 1),
        attention_mask=None,
        position_ids=where,
        use_cache=False,
        **{key: torch.cat([row[key] for row in made]) for key in ("pixel_values", "image_grid_thw")},
    ).logits[0]
    largest = (together.log_softmax(-1) - alone.log_softmax(-1)).abs().max().item()
    tell(f"{model.config.model_type}: packed and single log-probabilities differ by at most {largest:.1e}")
    assert alone.std() > 0.3
    assert largest < 1e-4
