"""The vision tower runs in every forward pass, on a blank tile where a micro-batch has no picture.

Under FSDP all ranks gather the tower's weights together. verl's padding rows have no pictures: a rank that is given
only such rows would skip the tower, and the others would wait for it forever. verl cares for this in Qwen-VL only.
"""

from __future__ import annotations

from typing import Any

from mmk12.verl_plugin.patching import replace


def always_seeing(model: Any) -> Any:
    """`model`, an HF-native InternVL, which now looks at a blank tile, with weight 0, when it is given no pixels.

    It does so between the embedding and the language model, where pictures are looked at: ranks that gather weights
    in another order exchange the wrong ones.
    """
    body = model.model
    original = body.forward
    height, width = body.config.vision_config.image_size

    def forward(input_ids: Any = None, pixel_values: Any = None, inputs_embeds: Any = None, **named: Any) -> Any:
        if pixel_values is None:
            embedded = body.get_input_embeddings()(input_ids) if inputs_embeds is None else inputs_embeds
            seen = body.get_image_features(pixel_values=embedded.new_zeros(1, 3, height, width)).pooler_output
            input_ids, inputs_embeds = None, embedded + 0.0 * seen.sum().to(embedded.dtype)
        return original(input_ids=input_ids, pixel_values=pixel_values, inputs_embeds=inputs_embeds, **named)

    body.forward = forward
    return model


def patch(engine: Any) -> None:
    """Applies it to the models of verl's FSDP engine, before they are sharded."""
    replace(engine.FSDPEngine, "_build_module", ["self"], _seeing)


def _seeing(original: Any) -> Any:
    def build(self: Any) -> Any:
        model = original(self)
        return always_seeing(model) if model.config.model_type == "internvl" else model

    return build
