"""Qwen2.5-VL without flash-attn: transformers' own attention under packed sequences.

With `use_remove_padding` verl puts its own attention into the model, which calls flash-attn whatever the model's
`attn_implementation` is (verl/models/transformers/qwen2_vl.py:322), for the sake of Ulysses, which mmk12 never uses.
transformers' attention keeps packed sequences apart by their positions, as for the other families.
"""

from __future__ import annotations

from typing import Any


def patch_qwen_attention(qwen2_vl: Any) -> None:
    """Takes verl's attention out where flash-attn is missing; `qwen2_vl` is verl.models.transformers.qwen2_vl."""
    from transformers.models.qwen2_5_vl.modeling_qwen2_5_vl import Qwen2_5_VLAttention
    from transformers.utils import is_flash_attn_2_available

    if not is_flash_attn_2_available():
        qwen2_vl.qwen2_vl_attn_forward = Qwen2_5_VLAttention.forward
