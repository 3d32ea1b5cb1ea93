"""Estimates the memory of a training job on a GPU and on a node, from the sizes of the model, and judges if it fits.

What verl 0.9.1 holds on each GPU while it updates (FSDP2, bfloat16 copies of float32 shards, gradient checkpointing):

- shards of weights, gradients and both moments of Adam. `offload` keeps the moments in main memory between updates;
  for the whole of an update they are on the GPU (verl/workers/engine/base.py, `BaseEngineCtx`);
- the root unit in full, since FSDP2 does not reshard it: output layer and projector, the gradient, its float32 copy;
- two decoder layers in full (the next one is fetched ahead), the gradient of one and its float32 copy;
- the inputs of all decoder layers, and the logits: bfloat16, their float32 log-softmax, two copies of the gradient.

The terms are added as if all had their peak at once. `docs/training.md` compares the sum with torch's own tracker.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mmk12.recipes.schema import Finetuning, FreezeVision, Hardware, Lora, Training

GIB = 2**30
_RESERVED_GIB = 2.0
"""An allowance, not a measurement: the CUDA context, NCCL, and what the sleeping rollout engine keeps."""
_LOGIT_BYTES = 10
_SMALLEST_CACHE = 0.1
"""The share of the rollout engine's memory that must be left for its cache of keys and values."""


@dataclass(frozen=True, slots=True)
class ModelSize:
    """Numbers of parameters. `head` is the output layer, `tied` whether that is the matrix of the embeddings.

    `linear` is the sum of inputs and outputs of the linear layers of one decoder layer: an adapter of rank 1.
    """

    layers: int
    layer: int
    linear: int
    width: int
    vocabulary: int
    head: int
    tied: bool
    tower: int
    projector: int

    @property
    def language(self) -> int:
        """The language model with its embeddings and output layer."""
        return self.layers * self.layer + self.head * (1 if self.tied else 2)

    @property
    def total(self) -> int:
        """The whole model."""
        return self.language + self.tower + self.projector


def measure_model(config: Mapping[str, Any]) -> ModelSize:
    """Counts the parameters of a model with that config.json: InternVL in transformers' layout, Qwen2.5-VL, Qwen3-VL.

    Norms and biases are left out; they are below a thousandth. Raises `KeyError` for a config that lacks a key.
    """
    text, vision = config.get("text_config", config), config.get("vision_config") or {}
    width, inner, heads = (int(text[key]) for key in ("hidden_size", "intermediate_size", "num_attention_heads"))
    head_dim = int(text.get("head_dim") or width // heads)
    asked, kept = heads * head_dim, int(text.get("num_key_value_heads") or heads) * head_dim
    tower, projector = _count_vision(vision, width) if vision else (0, 0)
    return ModelSize(
        layers=int(text["num_hidden_layers"]),
        layer=2 * width * (asked + kept) + 3 * width * inner,
        linear=2 * (width + asked) + 2 * (width + kept) + 3 * (width + inner),
        width=width,
        vocabulary=int(text["vocab_size"]),
        head=int(text["vocab_size"]) * width,
        tied=bool(config.get("tie_word_embeddings", False) or text.get("tie_word_embeddings", False)),
        tower=tower,
        projector=projector,
    )


def _count_vision(vision: Mapping[str, Any], out: int) -> tuple[int, int]:
    """Returns the parameters of the vision tower and of the projector, which joins 2 x 2 patches."""
    width, inner = int(vision["hidden_size"]), int(vision["intermediate_size"])
    joined = 4 * width
    if "depth" not in vision:  # InternVL
        side, patch = (_first(vision.get(key, default)) for key, default in (("image_size", 448), ("patch_size", 14)))
        positions = (side // patch) ** 2 + 1
        blocks = int(vision["num_hidden_layers"]) * (4 * width * width + 2 * width * inner)
        return blocks + 3 * patch * patch * width + positions * width, joined * out + out * out
    deep = vision.get("deepstack_visual_indexes")  # Qwen3-VL; it has one more projector for each
    matrices = 3 if deep is None else 2  # Qwen2.5-VL's blocks are gated
    patches = 3 * int(vision.get("temporal_patch_size", 2)) * int(vision["patch_size"]) ** 2 * width
    positions = int(vision.get("num_position_embeddings", 0)) * width
    blocks = int(vision["depth"]) * (4 * width * width + matrices * width * inner)
    merger = joined * joined + joined * int(vision["out_hidden_size"])
    return blocks + patches + positions, merger * (1 + len(deep or ()))


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, list | tuple) else value)


@cache
def read_known_shapes() -> Mapping[str, Any]:
    """Returns the shapes of the models that the recipes name, by hub id, so that planning fetches nothing."""
    shapes: dict[str, Any] = json.loads(Path(__file__).with_name("model_shapes.json").read_text("utf-8"))
    return shapes


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """GiB. The first group is one GPU during an update, the second one GPU during rollouts, the last one node.

    `parameters` counts the whole model, `trained` what an optimiser moves. `engine` are the weights that the rollout
    engine holds on a GPU, `beside` what the trainer keeps there meanwhile. `host` is the main memory of the first node:
    the whole model in float32 while it is loaded, later the offloaded moments and the reference model. The pixels of a
    step and the machine's own needs come on top.
    """

    parameters: int
    trained: int
    weights: float
    gradients: float
    optimiser: float
    unsharded: float
    activations: float
    engine: float
    beside: float
    host: float

    @property
    def update(self) -> float:
        """The peak of an update on one GPU."""
        return self.weights + self.gradients + self.optimiser + self.unsharded + self.activations


def estimate_memory(config: Mapping[str, Any], train: Training | Finetuning, hardware: Hardware) -> MemoryEstimate:
    """Estimates the memory of training a model with that config.json. Raises `KeyError` if that lacks a key."""
    size, gpus = measure_model(config), hardware.nodes * hardware.gpus
    lora = train.lora if isinstance(train, Training) else None
    trained = _count_trained(size, train.freeze_vision, lora)
    moments, gradient = 8 * trained, 6 * (lora is None)
    root = size.head + size.projector
    unsharded = (2 + gradient) * root + (4 + gradient) * size.layer
    tokens = hardware.micro_batch * _count_tokens(train)
    activations = 2 * tokens * size.width * size.layers + _LOGIT_BYTES * tokens * size.vocabulary
    reference = 2 * size.total if isinstance(train, Training) and train.kl > 0 and lora is None else 0
    offloaded = (moments if hardware.offload else 0) + reference  # verl keeps the reference in main memory always
    loaders = hardware.gpus if size.tied else 1  # with tied embeddings verl has each process load the whole model
    rollouts = isinstance(train, Training) and hardware.rollout == "vllm"
    sync = 6 * size.head  # the largest tensor, gathered in float32 and copied to bfloat16
    return MemoryEstimate(
        parameters=size.total,
        trained=trained,
        weights=4 * size.total / gpus / GIB,
        gradients=4 * trained / gpus / GIB,
        optimiser=moments / gpus / GIB,
        unsharded=unsharded / GIB,
        activations=activations / GIB,
        engine=2 * size.total / hardware.tensor_parallel / GIB if rollouts else 0.0,
        beside=((4 * size.total + (0 if hardware.offload else moments)) / gpus + sync) / GIB if rollouts else 0.0,
        host=max(4 * size.total * loaders, offloaded / hardware.nodes) / GIB,
    )


def _count_trained(size: ModelSize, freeze_vision: FreezeVision, lora: Lora | None) -> int:
    if lora is not None:
        return size.layers * size.linear * lora.rank
    frozen = {"none": 0, "tower": size.tower, "all": size.tower + size.projector}
    return size.total - frozen[freeze_vision]


def _count_tokens(train: Training | Finetuning) -> int:
    """Returns the longest sample, in tokens."""
    both = train.max_prompt + train.max_response
    return min(both, train.max_model_len or both) if isinstance(train, Training) else both


def find_misfits(memory: MemoryEstimate, hardware: Hardware, gpu_gib: float, host_gib: float | None) -> Iterator[str]:
    """Yields a line for each reason why a job does not fit GPUs of `gpu_gib`, nodes of `host_gib` (None: unknown)."""
    needed = memory.update + _RESERVED_GIB
    if needed > gpu_gib:
        yield (
            f"an update needs about {needed:.0f} GiB on each GPU, which has {gpu_gib:.0f}. Take more GPUs "
            "(hardware.nodes, hardware.gpus), or a smaller hardware.micro_batch or train.max_response"
        )
    share = hardware.gpu_memory * gpu_gib
    if memory.engine > (1 - _SMALLEST_CACHE) * share:
        yield (
            f"the rollout engine's weights need about {memory.engine:.0f} GiB on each GPU, and hardware.gpu_memory "
            f"leaves it {share:.0f}. Raise hardware.tensor_parallel or hardware.gpu_memory"
        )
    if memory.engine and share + memory.beside > gpu_gib:
        yield (
            f"during rollouts the trainer keeps about {memory.beside:.0f} GiB on each GPU beside the engine's "
            f"{share:.0f}, and there are {gpu_gib:.0f}. Lower hardware.gpu_memory or take more GPUs"
        )
    if host_gib is not None and memory.host > host_gib:
        yield f"a node needs about {memory.host:.0f} GiB of main memory and has {host_gib:.0f}"
