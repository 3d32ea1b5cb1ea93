"""The parts of the plugin that compute: whitening, freezing, pixels."""

import pytest
from PIL import Image as Pillow

from mmk12.verl_plugin.internvl import is_internvl
from mmk12.verl_plugin.patching import PatchError

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def processor():
    from mmk12.demo import model_path
    from mmk12.inference import hf  # first: it makes torchvision importable

    assert hf
    from transformers import AutoProcessor

    return AutoProcessor.from_pretrained(model_path("demo"))


def test_whitened_advantages_have_mean_0_and_variance_1_over_the_tokens_that_count():
    from mmk12.verl_plugin.algorithms import whiten_advantages

    torch.manual_seed(0)
    mask = (torch.arange(6)[None] < torch.randint(1, 7, (16, 1))).float()
    advantages = torch.randn(16, 1) * mask
    found = whiten_advantages(advantages, mask)
    inside = found[mask.bool()]
    assert inside.mean().item() == pytest.approx(0.0, abs=1e-6)
    assert inside.var(unbiased=False).item() == pytest.approx(1.0, abs=1e-5)
    assert not found[~mask.bool()].any()
    # Whitening shifts and scales: the order of two responses never changes.
    assert torch.equal(inside.argsort(stable=True), advantages[mask.bool()].argsort(stable=True))


def test_equal_rewards_whiten_to_nothing():
    from mmk12.verl_plugin.algorithms import whiten_advantages

    assert not whiten_advantages(torch.zeros(4, 3), torch.ones(4, 3)).any()


def test_a_frozen_tower_gets_no_gradient_and_the_rest_does(processor):
    from mmk12.verl_plugin.freezing import freeze_vision
    from tools.train_demo_model.architecture import build_model

    model = build_model(processor.tokenizer)
    frozen = freeze_vision(model, "tower")
    assert frozen == sum(p.numel() for p in model.model.vision_tower.parameters())
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained
    assert all("vision_tower" not in name for name in trained)
    assert any("multi_modal_projector" in name for name in trained)


def test_without_pixels_the_tower_runs_and_changes_nothing(processor):
    from mmk12.verl_plugin.internvl import run_vision_on_every_rank
    from tools.train_demo_model.architecture import build_model

    torch.manual_seed(0)
    model = build_model(processor.tokenizer).eval()
    given = {"input_ids": torch.tensor([[5, 6, 7, 8]]), "attention_mask": torch.ones(1, 4, dtype=torch.long)}
    pictures = torch.rand(1, 3, 112, 112)
    seen = torch.full((1, processor.image_seq_length), processor.image_token_id)
    before = model(**given).logits, model(input_ids=seen, pixel_values=pictures).logits
    runs = []
    run_vision_on_every_rank(model).model.vision_tower.register_forward_hook(lambda *_: runs.append(1))
    after = model(**given).logits, model(input_ids=seen, pixel_values=pictures).logits
    assert len(runs) == 2
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    model(**given).logits.sum().backward()
    projector = list(model.model.multi_modal_projector.parameters())
    assert all(parameter.grad is not None and not parameter.grad.any() for parameter in projector)


def test_a_model_without_a_tower_cannot_be_frozen():
    from mmk12.verl_plugin.freezing import freeze_vision

    with pytest.raises(PatchError, match="Linear has no vision tower to freeze"):
        freeze_vision(torch.nn.Linear(2, 2), "all")


@pytest.mark.parametrize("sizes", [[(112, 112)], [(300, 100)], [(60, 400), (112, 90)], [(30, 30)] * 3])
@pytest.mark.parametrize("settings", [{}, {"crop_to_patches": False}, {"crop_to_patches": True, "max_patches": 3}])
def test_pixels_are_those_of_the_whole_prompt(processor, sizes, settings):
    from mmk12.verl_plugin.internvl import compute_pixel_values

    assert is_internvl(processor)
    images = [Pillow.new("RGB", size, (40 * at, 90, 200)) for at, size in enumerate(sizes)]
    text = "".join(f"{processor.image_token}\nfigure {at} " for at in range(len(images)))
    whole = processor(text=[text], images=images, return_tensors="pt", **settings)
    tokens = int((whole["input_ids"] == processor.image_token_id).sum())
    assert torch.equal(compute_pixel_values(processor, images, settings, tokens), whole["pixel_values"])
    with pytest.raises(ValueError, match=f"make {tokens} image tokens; the prompt holds {tokens + 1}"):
        compute_pixel_values(processor, images, settings, tokens + 1)
    from mmk12.verl_plugin.pixels import require_tokens

    require_tokens(processor, images, settings, tokens)  # counted from the sizes alone
    with pytest.raises(ValueError, match=f"make {tokens} image tokens; the prompt holds {tokens - 1}"):
        require_tokens(processor, images, settings, tokens - 1)


def test_a_question_about_tokens_changes_no_later_call(processor):
    from mmk12.utils.image_tokens import count_image_tokens

    def cut():
        mark = f"{processor.image_token}\n"
        return len(processor(text=[mark], images=[Pillow.new("RGB", (336, 112))], return_tensors="pt")["pixel_values"])

    before = cut()
    assert before > 1
    assert count_image_tokens(processor, [(112, 336)], {"crop_to_patches": False}).num_image_patches == [1]
    assert cut() == before
