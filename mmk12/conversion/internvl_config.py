"""Converts config.json of an InternVL between the two layouts, and refuses what the other layout cannot express."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub.errors import StrictDataclassError

from mmk12.conversion import config_keys
from mmk12.conversion.config_keys import Config, refuse_unless, section
from mmk12.conversion.tensors import Tower, Towers
from mmk12.conversion.tokenizer import Tiling
from mmk12.errors import BadInput, ModelError, last_line

_QK_NORM_EPS = 1e-6
"""The constant in transformers' vision tower."""

TEMPLATE = "internvl2_5"
"""Upstream's name of the conversation format of both text towers."""


def to_native_config(config: Config, image_token_id: int, tied: bool) -> Any:
    """Returns the `InternVLConfig` of a remote config.json.

    `tied` says that the output layer is the embeddings. Raises `BadInput`, or `ModelError` for a feature that the
    native layout lacks.
    """
    from transformers import InternVLConfig

    text = _native_text(config, tied)
    vision = _native_vision(config)
    if not image_token_id < text["vocab_size"]:
        raise BadInput(
            f"The tokenizer's image token is {image_token_id}, but the model's vocabulary is {text['vocab_size']}."
        )
    side, ratio = vision["image_size"][0], config.get("downsample_ratio", 0.5)
    _refuse_for_native(config, side)
    dtype = config.get("torch_dtype", config.get("dtype"))
    ends = {name: config[name] for name in ("bos_token_id", "eos_token_id", "pad_token_id") if name in config}
    try:
        return InternVLConfig(
            architectures=["InternVLForConditionalGeneration"],
            vision_config=vision,
            text_config=text,
            image_token_id=image_token_id,
            image_seq_length=int((side // vision["patch_size"][0] * ratio) ** 2),
            downsample_ratio=ratio,
            tie_word_embeddings=tied,
            **ends,
            **({"dtype": dtype} if dtype else {}),
        )
    except (StrictDataclassError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise BadInput(f"config.json is not that of an InternVL: {last_line(error)}") from error


def _refuse_for_native(config: Config, side: int) -> None:
    """Raises `ModelError` for a feature of a remote config.json that transformers lacks; `side` is that of an image."""
    refuse_unless(
        config.get("ps_version", "v1") == "v2", "ps_version v1", "it transposes images, transformers does not"
    )
    refuse_unless(config.get("select_layer", -1) == -1, "a select_layer", "transformers uses the last layer")
    refuse_unless(not config.get("pad2square"), "pad2square", "transformers does not pad images")
    refuse_unless(
        not (config.get("use_backbone_lora") or config.get("use_llm_lora")), "LoRA weights", "merge them first"
    )
    refuse_unless(
        config.get("force_image_size") in (None, side),
        f"force_image_size {config.get('force_image_size')}",
        f"its vision tower has {side}",
    )


def ties_embeddings(config: Config) -> bool:
    """Returns whether a remote config.json ties the output layer to the embeddings."""
    return bool(section(config.get("llm_config"), "llm_config").get("tie_word_embeddings", False))


def find_towers(config: Any, tied: bool) -> Towers:
    """Returns the shape of a model from its `InternVLConfig`. Raises `BadInput`, or `ModelError` for its text tower."""
    vision, text = config.vision_config, config.text_config
    heads, kv_heads = text.num_attention_heads, text.num_key_value_heads
    if kv_heads < 1 or heads % kv_heads:
        raise BadInput(f"{heads} heads cannot share {kv_heads} keys and values.")
    return Towers(
        vision_layers=vision.num_hidden_layers,
        vision_bias=vision.attention_bias,
        vision_qk_norm=vision.use_qk_norm,
        vision_norm_bias=vision.norm_type == "layer_norm",
        text=find_native_tower(config),
        text_layers=text.num_hidden_layers,
        heads=heads,
        kv_heads=kv_heads,
        text_bias=bool(getattr(text, "attention_bias", True)),
        tied=tied,
    )


def find_native_tower(config: Any) -> Tower:
    """Returns which of the two text towers an `InternVLConfig` has, or raises `ModelError`."""
    return _find_tower(config.text_config.model_type, config_keys.NATIVE_TYPE)


def find_remote_tower(config: Config) -> Tower:
    """Returns which of the two text towers a remote config.json has, or raises `ModelError`."""
    architectures = section(config.get("llm_config"), "llm_config").get("architectures")
    first = architectures[0] if isinstance(architectures, list) and architectures else None
    return _find_tower(first, config_keys.ARCHITECTURE)


def _find_tower(name: object, towers: Mapping[Tower, str]) -> Tower:
    for tower, known in towers.items():
        if name == known:
            return tower
    raise ModelError(
        f"Cannot convert a model with the text tower {name}: only {' and '.join(towers.values())} are supported."
    )


def _native_vision(config: Config) -> Config:
    remote = section(config.get("vision_config"), "vision_config")
    native = config_keys.to_native(config_keys.VISION, remote, "vision_config")
    for name, default in (("image_size", 224), ("patch_size", 14)):
        native[name] = [remote.get(name, default)] * 2
    refuse_unless(
        not native["use_qk_norm"] or native["layer_norm_eps"] == _QK_NORM_EPS,
        f"layer_norm_eps {native['layer_norm_eps']} and normalised queries",
        f"transformers always uses {_QK_NORM_EPS}",
    )
    return native


def _native_text(config: Config, tied: bool) -> Config:
    remote = section(config.get("llm_config"), "llm_config")
    quantised = "quantization_config" in {**config, **remote}
    refuse_unless(not quantised, "quantised weights", "convert the unquantised checkpoint")
    tower = find_remote_tower(config)
    return {
        "model_type": config_keys.NATIVE_TYPE[tower],
        **config_keys.to_native(config_keys.TEXT[tower], remote, "llm_config"),
        "rope_parameters": config_keys.rope_to_native(remote),
        "tie_word_embeddings": tied,
    }


def load_native_config(folder: Path) -> Any:
    """Reads the `InternVLConfig` of a native checkpoint. Raises `MissingData` or `BadInput`."""
    from transformers import InternVLConfig

    try:
        return InternVLConfig.from_dict(config_keys.read(folder))
    except (StrictDataclassError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise BadInput(f"{folder / 'config.json'} is not that of an InternVL: {last_line(error)}") from error


def to_remote_config(config: Any, tiling: Tiling, tied: bool, auto_map: Config) -> Config:
    """Returns the remote config.json of an `InternVLConfig`. Raises `ModelError` for a feature that it lacks.

    `auto_map` names the Python classes that come with the weights; `tied` says that the output layer is the embeddings.
    """
    _refuse_for_remote(config, tiling)
    vision = config.vision_config
    side, patch = vision.image_size[0], vision.patch_size[0]
    dtype = str(config.dtype).removeprefix("torch.") if config.dtype else "float32"
    ends = {name: getattr(config, name, None) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    return {
        "architectures": ["InternVLChatModel"],
        "auto_map": auto_map,
        "model_type": "internvl_chat",
        "template": TEMPLATE,
        "downsample_ratio": config.downsample_ratio,
        "dynamic_image_size": tiling.dynamic,
        "min_dynamic_patch": tiling.smallest,
        "max_dynamic_patch": tiling.largest,
        "use_thumbnail": True,
        "force_image_size": side,
        "pad2square": False,
        "ps_version": "v2",
        "select_layer": -1,
        "use_backbone_lora": 0,
        "use_llm_lora": 0,
        "tie_word_embeddings": tied,
        "torch_dtype": dtype,
        **ends,
        "llm_config": _remote_text(config, tied, dtype),
        "vision_config": {
            "architectures": ["InternVisionModel"],
            "model_type": "intern_vit_6b",
            **config_keys.to_remote(config_keys.VISION, vision),
            "image_size": side,
            "patch_size": patch,
            "drop_path_rate": 0.0,
            "use_flash_attn": True,
            "torch_dtype": dtype,
        },
    }


def _refuse_for_remote(config: Any, tiling: Tiling) -> None:
    """Raises `ModelError` for a feature of an `InternVLConfig` that OpenGVLab's code lacks."""
    vision = config.vision_config
    side, patch = vision.image_size[0], vision.patch_size[0]
    for supported, feature in (
        (
            set(vision.image_size) == {side} and set(vision.patch_size) == {patch},
            "images or patches that are not square",
        ),
        (config.vision_feature_layer == -1, "a vision_feature_layer"),
        (config.vision_feature_select_strategy == "default", "a vision_feature_select_strategy"),
        (config.projector_hidden_act == "gelu", f"the projector activation {config.projector_hidden_act}"),
        (vision.use_absolute_position_embeddings, "no absolute positions of patches"),
        (vision.use_mean_pooling and not vision.use_mask_token, "a pooling norm or a mask token"),
        (config.image_seq_length == int((side // patch * config.downsample_ratio) ** 2), "its own image_seq_length"),
        (tiling.side == side, f"images of {tiling.side} pixels for a tower of {side}"),
    ):
        refuse_unless(supported, feature, "OpenGVLab's code does not support it")


def _remote_text(config: Any, tied: bool, dtype: str) -> Config:
    text, tower = config.text_config, find_native_tower(config)
    if tower == "internlm2":
        refuse_unless(not text.mlp_bias, "a bias in the feed-forward layers", "InternLM2 has none")
        divides = text.head_dim * text.num_attention_heads == text.hidden_size
        refuse_unless(divides, f"heads of {text.head_dim}", "in InternLM2 the heads add up to the hidden size")
    return {
        "architectures": [config_keys.ARCHITECTURE[tower]],
        "model_type": tower,
        **config_keys.to_remote(config_keys.TEXT[tower], text),
        **config_keys.rope_to_remote(text.rope_parameters),
        "tie_word_embeddings": tied,
        "use_cache": True,
        "torch_dtype": dtype,
    }
