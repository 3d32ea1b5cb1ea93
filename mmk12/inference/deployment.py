"""Where and on how much a model runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

NAMES = ("vllm", "hf", "openai", "replay")


class Model(NamedTuple):
    """A model that is there: the backend that serves it, and the folder, file, URL or hub id to load it from."""

    backend: str
    location: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """On how much, and with which settings of its engine, a model runs.

    `tensor_parallel` devices hold one copy; `replicas` copies share the requests through Ray, on this machine or
    on the cluster at `ray_address`. `options` are arguments of the engine itself (vLLM's `max_model_len`, …).
    """

    replicas: int = 1
    tensor_parallel: int = 1
    ray_address: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def distributed(self) -> bool:
        """Whether Ray is needed."""
        return self.replicas > 1 or self.ray_address is not None
