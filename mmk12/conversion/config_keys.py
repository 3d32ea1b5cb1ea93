"""The keys of config.json that both layouts have, and functions that read them strictly.

Each key is listed once: its name in either layout, and the value that the remote layout means if the key is missing.
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
    """One key of a configuration; `default` is its value if the remote layout leaves it out."""

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
"""RoPE scalings that both layouts compute in the same way for both text towers."""


def read(folder: Path) -> Config:
    """Reads config.json of a checkpoint. Raises `MissingData` or `BadInput`."""
    return section(storage.read_json(folder / "config.json"), f"{folder / 'config.json'}")


def section(value: Any, name: str) -> Config:
    """Returns `value` if it is a JSON object, else raises `BadInput` with `name`."""
    if not isinstance(value, dict):
        raise BadInput(f"{name} is not a JSON object.")
    return value


def to_native(rules: tuple[KeyRule, ...], config: Mapping[str, Any], name: str) -> Config:
    """Returns the remote `config` with native keys. Raises `BadInput` for a required key that is missing."""
    native = {}
    for rule in rules:
        value = config.get(rule.remote, rule.default)
        if value is REQUIRED:
            raise BadInput(f"config.json has no {name}.{rule.remote}.")
        native[rule.native] = value
    return native


def to_remote(rules: tuple[KeyRule, ...], config: Any) -> Config:
    """Returns the native `config`, an object of transformers, with remote keys."""
    return {rule.remote: getattr(config, rule.native) for rule in rules}


def refuse_unless(supported: bool, feature: str, reason: str) -> None:
    """Raises `ModelError` for a feature that the other layout cannot express."""
    if not supported:
        raise ModelError(f"Cannot convert a model with {feature}: {reason}.")


def rope_to_native(config: Mapping[str, Any]) -> Config:
    """Returns `rope_parameters` of a remote text tower, which has `rope_theta` and `rope_scaling` with a `type`."""
    scaling = dict(section(config.get("rope_scaling") or {}, "rope_scaling"))
    kind = scaling.pop("type", None)
    kind = scaling.pop("rope_type", kind) or "default"
    refuse_unless(kind in ROPES, f"RoPE scaling {kind!r}", f"only {', '.join(ROPES)} are equal in both layouts")
    return {"rope_theta": config.get("rope_theta", 10_000.0), "rope_type": kind, **scaling}


def rope_to_remote(parameters: Mapping[str, Any]) -> Config:
    """Inverts `rope_to_native`; writes both `rope_type` and `type`, as the published InternVL3 does."""
    scaling = dict(parameters)
    theta, kind = scaling.pop("rope_theta"), scaling.pop("rope_type", "default")
    refuse_unless(kind in ROPES, f"RoPE scaling {kind!r}", f"only {', '.join(ROPES)} are equal in both layouts")
    return {
        "rope_theta": theta,
        "rope_scaling": None if kind == "default" else {"type": kind, "rope_type": kind, **scaling},
    }
