"""Sends images to the actor as they are, one byte a colour, instead of the pixels that the vision tower takes.

verl computes a processor's `pixel_values` beside the rollouts and stores them in float32 with every response
(trainer/ppo/v1/agent_loop_tq.py:188-202): 13 tiles of 448 x 448 are 31 MB, and each of the eight responses to a prompt
has its own. Here the decoded image travels, and the actor runs the same processor on it right before its forward pass
(engine/fsdp/transformer_impl.py:1168). The tensors are equal bit by bit, and none of them is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image as Pillow

from mmk12.utils.image_tokens import count_image_tokens
from mmk12.verl_plugin.internvl import is_internvl
from mmk12.verl_plugin.patching import PatchError, replace_method

PACKED = "mmk12_images"
"""The key of packed images beside what else a processor returns, such as Qwen's grid."""

_processor: Any = None  # of the model of this process


def pack_images(images: Sequence[Pillow.Image], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Returns RGB images, each an array of height x width x 3 bytes, with what the processor is to do with them."""
    return {PACKED: ([np.asarray(image.convert("RGB")) for image in images], dict(settings))}


def unpack_images(processor: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the inputs of one response with the `pixel_values` of their packed images; others as they are."""
    if PACKED not in inputs:
        return dict(inputs)
    arrays, settings = inputs[PACKED]
    images = [Pillow.fromarray(array) for array in arrays]
    features = processor.image_processor(images=images, return_tensors="pt", **settings)
    others = {key: value for key, value in inputs.items() if key != PACKED}
    return {"pixel_values": features["pixel_values"], **others}


def patch_agent_loop(agent_loop: Any) -> None:
    """Replaces the method that verl's agent loop calls for each response."""
    owner = agent_loop.AgentLoopWorker
    replace_method(owner, "_compute_multi_modal_inputs", ["self", "output", "input_ids"], _pack_inputs)


def _pack_inputs(original: Any) -> Any:
    def compute(self: Any, output: Any, input_ids: Any) -> dict[str, Any]:
        images = (output.multi_modal_data or {}).get("images") or []
        settings = output.mm_processor_kwargs
        if settings is None:
            settings = self._get_mm_processor_kwargs()
        if is_internvl(self.processor):
            tokens = int((input_ids == self.processor.image_token_id).sum())
            require_tokens(self.processor, images, settings, tokens)
            return pack_images(images, settings) if images else {}
        inputs: dict[str, Any] = original(self, output, input_ids)
        if "pixel_values" not in inputs:
            return inputs
        others = {key: value for key, value in inputs.items() if key != "pixel_values"}
        return {**others, **pack_images(images, settings)}

    return compute


def require_tokens(processor: Any, images: Sequence[Any], settings: Mapping[str, Any], tokens: int) -> None:
    """Raises `ValueError` unless `images` make as many image tokens as the prompt has.

    The model would be trained on other pixels than it has answered about.
    """
    sizes = [(image.height, image.width) for image in images]
    # Not `num_image_tokens`, which counts the marks around an image, too.
    tiles = sum(count_image_tokens(processor, sizes, settings).num_image_patches) if sizes else 0
    expected = tiles * processor.image_seq_length
    if expected != tokens:
        raise ValueError(f"{len(images)} images make {expected} image tokens; the prompt holds {tokens}")


def patch_engine(engine: Any) -> None:
    """Unpacks images in verl's FSDP engine; `engine` is the module."""
    replace_method(engine.FSDPEngine, "_build_module", ["self"], _remember_processor)
    replace_method(engine, "extract_multi_modal_inputs", ["batch_data", "indices"], _unpack_first)


def _remember_processor(original: Any) -> Any:
    def build(self: Any) -> Any:
        global _processor
        _processor = self.model_config.processor
        return original(self)

    return build


def _unpack_first(original: Any) -> Any:
    def extract(batch_data: Any, indices: Any = None) -> Any:
        rows = [getattr(row, "data", row) for row in batch_data]
        if _processor is None and any(row and PACKED in row for row in rows):
            raise PatchError("The actor has no image processor; its model's folder needs one.")
        return original([row and unpack_images(_processor, row) for row in rows], indices)

    return extract
