"""InternVL in verl: its processor, the actor's pixels, the image tokens of prompts for vLLM, and the vision tower.

verl was written for Qwen-VL. Each section below patches one place where InternVL differs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmk12.verl_plugin.patching import replace_method

# The processor: verl's `hf_processor` does not know the class, warns, and returns None.


def is_internvl(processor: Any) -> bool:
    """Returns whether this is the processor of an HF-native InternVL."""
    return type(processor).__name__ == "InternVLProcessor"


def patch_processor(utils: Any) -> None:
    """Replaces `hf_processor` in verl.utils and in the two modules from which it is imported there."""
    package = utils.tokenizer
    for owner in (package.tokenizer, package, utils):
        replace_method(owner, "hf_processor", ["name_or_path", "kwargs"], _load_internvl_processor)


def _load_internvl_processor(original: Any) -> Any:
    def hf_processor(name_or_path: str, **kwargs: Any) -> Any:
        from transformers import AutoConfig, AutoProcessor

        try:
            config = AutoConfig.from_pretrained(name_or_path, **kwargs)
        except (OSError, ValueError):  # a folder with a tokenizer alone
            return original(name_or_path, **kwargs)
        if config.model_type != "internvl":
            return original(name_or_path, **kwargs)
        processor = AutoProcessor.from_pretrained(name_or_path, **kwargs)
        # verl reads the config from the processor. InternVL needs no rope index: its positions count tokens.
        processor.config = config
        return processor

    return hf_processor


# Pixels: verl decodes the prompt without special tokens and gives that to the processor. InternVL's image
# token is special, so the images have no place in it. Here the processor gets one image token per image and no text.


def compute_pixel_values(processor: Any, images: Sequence[Any], settings: Mapping[str, Any], tokens: int) -> Any:
    """Returns the pixel values of `images`, tiles x channels x height x width.

    `settings` are verl's `data.mm_processor_kwargs` (the tiling), `tokens` the number of image tokens in the prompt.
    Raises `ValueError` if the two do not fit: the model would be trained on other pixels than it has answered about.
    """
    mark = processor.image_token
    features = processor(text=[mark * len(images)], images=list(images), return_tensors="pt", **settings)
    values = features["pixel_values"]
    expected = len(values) * processor.image_seq_length
    if expected != tokens:
        raise ValueError(f"{len(images)} images make {expected} image tokens; the prompt holds {tokens}")
    return values


# The prompts for vLLM: one image token per image, because vLLM expands the tokens itself.


def collapse_image_tokens(ids: Sequence[int], *, start: int, context: int, end: int) -> list[int]:
    """Replaces each `start context … context end` in `ids` by a single `context`.

    vLLM's processor for InternVL expands it again (`interns1.py`, the same in vLLM 0.24 and 0.32).
    """
    out: list[int] = []
    at, size = 0, len(ids)
    while at < size:
        if ids[at] == start and at + 1 < size and ids[at + 1] == context:
            at += 1
            while at < size and ids[at] == context:
                at += 1
            out.append(context)
            at += at < size and ids[at] == end
        else:
            out.append(ids[at])
            at += 1
    return out


def patch_image_tokens(utils: Any) -> None:
    """Replaces verl's function for Qwen-VL, which its vLLM server calls for every model."""
    replace_method(utils, "qwen2_5_vl_dedup_image_tokens", ["prompt_ids", "processor"], _collapse_image_tokens)


def _collapse_image_tokens(original: Any) -> Any:
    def dedup(prompt_ids: Any, processor: Any) -> Any:
        if not is_internvl(processor):
            return original(prompt_ids, processor)
        marks = (processor.start_image_token_id, processor.image_token_id, processor.end_image_token_id)
        return collapse_image_tokens(list(prompt_ids), start=marks[0], context=marks[1], end=marks[2])

    return dedup


# The vision tower runs in every forward pass, on a zero tile if a micro-batch has no image: FSDP's ranks would
# otherwise wait for each other.


def run_vision_on_every_rank(model: Any) -> Any:
    """Changes `model`, an HF-native InternVL, to run its vision tower on a zero tile, with weight 0, without pixels.

    The tower runs between the embedding and the language model, as with pixels: ranks that gather weights in another
    order would exchange the wrong ones.
    """
    body = model.model
    original = body.forward
    height, width = body.config.vision_config.image_size

    def forward(input_ids: Any = None, pixel_values: Any = None, inputs_embeds: Any = None, **named: Any) -> Any:
        if pixel_values is None:
            embedded = body.get_input_embeddings()(input_ids) if inputs_embeds is None else inputs_embeds
            features = body.get_image_features(pixel_values=embedded.new_zeros(1, 3, height, width)).pooler_output
            input_ids, inputs_embeds = None, embedded + 0.0 * features.sum().to(embedded.dtype)
        return original(input_ids=input_ids, pixel_values=pixel_values, inputs_embeds=inputs_embeds, **named)

    body.forward = forward
    return model


def patch_vision_tower(engine: Any) -> None:
    """Applies `run_vision_on_every_rank` to the models of verl's FSDP engine, before they are sharded."""
    replace_method(engine.FSDPEngine, "_build_module", ["self"], _build_with_vision)


def _build_with_vision(original: Any) -> Any:
    def build(self: Any) -> Any:
        model = original(self)
        return run_vision_on_every_rank(model) if model.config.model_type == "internvl" else model

    return build
