"""The model families: packed rows under verl's own patches without flash-attn, and what `freeze_vision` freezes."""

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
from mmk12.verl_plugin.freezing import freeze_vision
from mmk12.verl_plugin.pixels import PACKED, pack_images, unpack_images
from tests.engines.families import BUILDERS, IMAGE, part, save

SIZES = ((112, 112), (224, 140), (168, 168))


QWEN = ("qwen2_5_vl", "qwen3_vl")


@pytest.fixture(params=QWEN)
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


@pytest.mark.parametrize(
    ("word", "trained"),
    [
        ("none", {"language", "projector", "tower"}),
        ("tower", {"language", "projector"}),
        ("all", {"language"}),
    ],
)
@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_a_step_of_the_optimiser_moves_what_the_word_leaves(name, word, trained):
    torch.manual_seed(1)
    model, processor = BUILDERS[name]()
    if word != "none":
        assert freeze_vision(model, word) == sum(
            tensor.numel() for key, tensor in model.named_parameters() if part(key) not in trained
        )
    before = {key: tensor.clone() for key, tensor in model.named_parameters()}
    (problem,) = generate_problems("test", 1)
    text = f"<|im_start|>user\n{IMAGE if name in QWEN else processor.image_token}{problem.question}<|im_end|>\n"
    row = processor(text=[text], images=[decode(problem.png)[0]], return_tensors="pt")
    optimiser = torch.optim.AdamW([tensor for tensor in model.parameters() if tensor.requires_grad], lr=1e-2)
    where = {"position_ids": positions(model, row)} if name in QWEN else {}  # verl's patches, once made, ask for them
    model(**row, **where).logits.log_softmax(-1).square().mean().backward()
    optimiser.step()
    moved = {key for key, tensor in model.named_parameters() if not torch.equal(tensor, before[key])}
    assert {part(key) for key in moved} == trained
    expected = {key for key in before if part(key) in trained}
    assert len(expected - moved) <= len(expected) // 10, sorted(expected - moved)


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_the_actor_makes_the_pixels_of_the_prompt_from_packed_images(name):
    """Bit by bit, with another grid or other tiles than the processor's own settings give."""
    _, processor = BUILDERS[name]()
    settings = (
        {"min_pixels": 3136, "max_pixels": 32_768} if name in QWEN else {"crop_to_patches": True, "max_patches": 4}
    )
    (problem,) = generate_problems("test", 1)
    images = [decode(problem.png)[0].resize(size) for size in ((300, 100), (90, 260))]
    text = (IMAGE if name in QWEN else processor.image_token) * 2
    whole = processor(text=[text], images=images, return_tensors="pt", **settings)
    packed = pack_images(images, settings)
    assert sum(array.nbytes for array in packed[PACKED][0]) * 4 < whole["pixel_values"].nbytes
    assert torch.equal(unpack_images(processor, packed)["pixel_values"], whole["pixel_values"])
