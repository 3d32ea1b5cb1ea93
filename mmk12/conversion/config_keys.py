"""The words that both configurations have, and the readers that refuse what is not there or not of its type.

A key is named once, with its name in either layout and the value that the remote layout means by leaving it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmk12.conversion.tensors import Tower
from mmk12.errors import BadInput, ModelError
from mmk12.utils import storage

Config = dict[str, Any]
REQUIRED = object()


class KeyRule(NamedTuple):
    """One key of a configuration; `default` is what its absence means in the remote layout."""

    remote: str
    native: str
    default: Any = REQUIRED


VISION = (
    KeyRule("hidden_size", "hidden_size"),
    KeyRule("intermediate_size", "intermediate_size"),
    KeyRule("num_hidden_layers", "num_hidden_layers"),
    KeyRule("num_attention_heads", "num_attention_heads"),
    KeyRule("num_channels", "num_channels", 3),
    KeyRule("qkv_bias", "attention_bias", False),
    KeyRule("qk_normalization", "use_qk_norm", True),
    KeyRule("norm_type", "norm_type", "rms_norm"),
    KeyRule("layer_norm_eps", "layer_norm_eps", 1e-6),
    KeyRule("hidden_act", "hidden_act", "gelu"),
    KeyRule("attention_dropout", "attention_dropout", 0.0),
    KeyRule("dropout", "projection_dropout", 0.0),
    KeyRule("initializer_range", "initializer_range", 0.02),
    KeyRule("initializer_factor", "layer_scale_init_value", 0.1),
)
"""Defaults: upstream `configuration_intern_vit.py`."""

_TEXT = (
    KeyRule("vocab_size", "vocab_size"),
    KeyRule("hidden_size", "hidden_size"),
    KeyRule("intermediate_size", "intermediate_size"),
    KeyRule("num_hidden_layers", "num_hidden_layers"),
    KeyRule("num_attention_heads", "num_attention_heads"),
    KeyRule("max_position_embeddings", "max_position_embeddings"),
    KeyRule("hidden_act", "hidden_act", "silu"),
    KeyRule("initializer_range", "initializer_range", 0.02),
    KeyRule("rms_norm_eps", "rms_norm_eps", 1e-6),
    KeyRule("bos_token_id", "bos_token_id", None),
    KeyRule("eos_token_id", "eos_token_id", None),
    KeyRule("pad_token_id", "pad_token_id", None),
)
TEXT: dict[Tower, tuple[KeyRule, ...]] = {
    "qwen2": (
        *_TEXT,
        KeyRule("num_key_value_heads", "num_key_value_heads"),
        KeyRule("attention_dropout", "attention_dropout", 0.0),
        KeyRule("use_sliding_window", "use_sliding_window", False),
        KeyRule("sliding_window", "sliding_window", None),
        KeyRule("max_window_layers", "max_window_layers", 28),
    ),
    "internlm2": (
        *_TEXT,
        KeyRule("num_key_value_heads", "num_key_value_heads"),
        KeyRule("bias", "attention_bias", True),
    ),
}
"""Defaults: `Qwen2Config`, and upstream `configuration_internlm2.py`."""

NATIVE_TYPE: dict[Tower, str] = {"qwen2": "qwen2", "internlm2": "llama"}
ARCHITECTURE: dict[Tower, str] = {"qwen2": "Qwen2ForCausalLM", "internlm2": "InternLM2ForCausalLM"}
ROPES = ("default", "linear", "dynamic")
"""Scalings that both text towers compute alike in both layouts."""


def read(folder: Path) -> Config:
    """The configuration of a checkpoint. Raises `MissingData` or `BadInput`."""
    return section(storage.read_json(folder / "config.json"), f"{folder / 'config.json'}")


def section(value: Any, name: str) -> Config:
    """`value` if it is an object; raises `BadInput`."""
    if not isinstance(value, dict):
        raise BadInput(f"{name} is not a JSON object.")
    return value


def to_native(words: tuple[KeyRule, ...], config: Mapping[str, Any], name: str) -> Config:
    """The remote `config` in native words. Raises `BadInput` for a key that must be there."""
    made = {}
    for word in words:
        value = config.get(word.remote, word.default)
        if value is REQUIRED:
            raise BadInput(f"config.json has no {name}.{word.remote}.")
        made[word.native] = value
    return made


def to_remote(words: tuple[KeyRule, ...], config: Any) -> Config:
    """The native `config`, one of transformers' own objects, in remote words."""
    return {word.remote: getattr(config, word.native) for word in words}


def refuse_unless(fits: bool, what: str, why: str) -> None:
    """Raises `ModelError`: the new layout cannot say what the old one means."""
    if not fits:
        raise ModelError(f"Cannot convert a model with {what}: {why}.")


def rope_to_native(config: Mapping[str, Any]) -> Config:
    """`rope_parameters` of a remote text tower, which knows `rope_theta` and `rope_scaling` with a `type`."""
    scaling = dict(section(config.get("rope_scaling") or {}, "rope_scaling"))
    kind = scaling.pop("type", None)
    kind = scaling.pop("rope_type", kind) or "default"
    refuse_unless(kind in ROPES, f"RoPE scaling {kind!r}", f"only {', '.join(ROPES)} mean the same in both layouts")
    return {"rope_theta": config.get("rope_theta", 10_000.0), "rope_type": kind, **scaling}


def rope_to_remote(parameters: Mapping[str, Any]) -> Config:
    """The inverse of `rope_to_native`; `rope_type` and `type` both stand there, as in the published InternVL3."""
    scaling = dict(parameters)
    theta, kind = scaling.pop("rope_theta"), scaling.pop("rope_type", "default")
    refuse_unless(kind in ROPES, f"RoPE scaling {kind!r}", f"only {', '.join(ROPES)} mean the same in both layouts")
    return {
        "rope_theta": theta,
        "rope_scaling": None if kind == "default" else {"type": kind, "rope_type": kind, **scaling},
    }
