"""Pairs the tensors of the two layouts.

The pairs follow from the shape of the two towers, not from the names in a checkpoint. So missing tensors and unexpected
tensors are known by name before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Tensor = Any
Tower = Literal["qwen2", "internlm2"]

HEAD = "language_model.lm_head.weight"
"""The native name of the output layer; a model with tied embeddings has none."""


@dataclass(frozen=True, slots=True)
class FusedQkv:
    """The row layout of queries, keys and values that the remote layout stores in one tensor, the native one in three.

    The rows come in `blocks`; each block holds `shares` of queries, keys and values.
    """

    blocks: int = 1
    shares: tuple[int, ...] = (1, 1, 1)

    def split(self, fused: Tensor) -> list[Tensor]:
        """(blocks x sum(shares) x d, ...) -> one (blocks x share x d, ...) per share."""
        blocks = fused.unflatten(0, (self.blocks, sum(self.shares), -1))
        return [part.flatten(0, 2).contiguous() for part in blocks.split(list(self.shares), dim=1)]

    def join(self, parts: Sequence[Tensor]) -> Tensor:
        """Inverts `split`."""
        import torch

        shaped = zip(parts, self.shares, strict=True)
        return torch.cat([part.unflatten(0, (self.blocks, share, -1)) for part, share in shaped], dim=1).flatten(0, 2)


@dataclass(frozen=True, slots=True)
class Towers:
    """The properties that decide which tensors an InternVL has. `tied`: the output layer is the embeddings."""

    vision_layers: int
    vision_bias: bool
    vision_qk_norm: bool
    vision_norm_bias: bool
    text: Tower
    text_layers: int
    heads: int
    kv_heads: int
    text_bias: bool
    tied: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """One tensor of the remote layout, and the native tensors with the same numbers: one, or three with `fusion`."""

    remote: str
    native: tuple[str, ...]
    fusion: FusedQkv | None = None


def pair_tensors(towers: Towers) -> Iterator[Pair]:
    """Yields every tensor of the model, layer by layer."""
    yield from _vision(towers)
    for remote, native in (("0", "layer_norm"), ("1", "linear_1"), ("3", "linear_2")):
        yield from _same(f"mlp1.{remote}", f"multi_modal_projector.{native}", "weight", "bias")
    yield from _internlm2(towers) if towers.text == "internlm2" else _qwen2(towers)


def canonical_name(name: str) -> str:
    """Returns a native name as it is in checkpoint files; in memory, transformers nests its modules differently."""
    if name == "lm_head.weight":
        return HEAD
    if name.startswith("model.language_model."):
        return name.replace("model.language_model.", "language_model.model.", 1)
    return name.removeprefix("model.")


def _vision(towers: Towers) -> Iterator[Pair]:
    remote, native = "vision_model.embeddings.", "vision_tower.embeddings."
    yield Pair(f"{remote}class_embedding", (f"{native}cls_token",))
    yield from _same(f"{remote}patch_embedding", f"{native}patch_embeddings.projection", "weight", "bias")
    yield Pair(f"{remote}position_embedding", (f"{native}position_embeddings",))
    norm = ("weight", "bias") if towers.vision_norm_bias else ("weight",)
    for number in range(towers.vision_layers):
        remote, native = f"vision_model.encoder.layers.{number}.", f"vision_tower.encoder.layer.{number}."
        for kind in ("weight", "bias") if towers.vision_bias else ("weight",):
            yield Pair(f"{remote}attn.qkv.{kind}", _three(f"{native}attention", kind), FusedQkv())
        yield from _same(f"{remote}attn.proj", f"{native}attention.projection_layer", "weight", "bias")
        if towers.vision_qk_norm:
            for part in ("q_norm", "k_norm"):
                yield from _same(f"{remote}attn.{part}", f"{native}attention.{part}", "weight")
        for part in ("mlp.fc1", "mlp.fc2"):
            yield from _same(remote + part, native + part, "weight", "bias")
        yield from _same(f"{remote}norm1", f"{native}layernorm_before", *norm)
        yield from _same(f"{remote}norm2", f"{native}layernorm_after", *norm)
        yield Pair(f"{remote}ls1", (f"{native}lambda_1",))
        yield Pair(f"{remote}ls2", (f"{native}lambda_2",))


def _qwen2(towers: Towers) -> Iterator[Pair]:
    """Yields Qwen2's tensors: the same class in both layouts, so the names are equal."""
    prefix = "language_model.model."
    names = [f"{prefix}embed_tokens.weight", f"{prefix}norm.weight"]
    for number in range(towers.text_layers):
        layer = f"{prefix}layers.{number}."
        names += [f"{layer}self_attn.{part}_proj.{kind}" for part in "qkv" for kind in ("weight", "bias")]
        names += [f"{layer}mlp.{part}_proj.weight" for part in ("gate", "up", "down")]
        names += [
            f"{layer}{part}.weight" for part in ("self_attn.o_proj", "input_layernorm", "post_attention_layernorm")
        ]
    for name in names if towers.tied else [*names, HEAD]:
        yield Pair(name, (name,))


def _internlm2(towers: Towers) -> Iterator[Pair]:
    """Yields InternLM2's tensors: Llama with other names, and with grouped queries, keys and values in one tensor."""
    fusion = FusedQkv(towers.kv_heads, (towers.heads // towers.kv_heads, 1, 1))
    kinds = ("weight", "bias") if towers.text_bias else ("weight",)
    prefix = "language_model.model."
    yield from _same(f"{prefix}tok_embeddings", f"{prefix}embed_tokens", "weight")
    yield from _same(f"{prefix}norm", f"{prefix}norm", "weight")
    for number in range(towers.text_layers):
        layer = f"{prefix}layers.{number}."
        for kind in kinds:
            yield Pair(f"{layer}attention.wqkv.{kind}", _three(f"{layer}self_attn", kind), fusion)
        yield from _same(f"{layer}attention.wo", f"{layer}self_attn.o_proj", *kinds)
        for remote, native in (("w1", "gate"), ("w3", "up"), ("w2", "down")):
            yield from _same(f"{layer}feed_forward.{remote}", f"{layer}mlp.{native}_proj", "weight")
        yield from _same(f"{layer}attention_norm", f"{layer}input_layernorm", "weight")
        yield from _same(f"{layer}ffn_norm", f"{layer}post_attention_layernorm", "weight")
    if not towers.tied:
        yield Pair("language_model.output.weight", (HEAD,))


def _same(remote: str, native: str, *kinds: str) -> Iterator[Pair]:
    for kind in kinds:
        yield Pair(f"{remote}.{kind}", (f"{native}.{kind}",))


def _three(prefix: str, kind: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{part}_proj.{kind}" for part in "qkv")
