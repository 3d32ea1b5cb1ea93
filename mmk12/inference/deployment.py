"""Which backend serves a model, and on how many devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

NAMES = ("vllm", "hf", "openai", "replay")


class Model(NamedTuple):
    """A resolved model: the backend that serves it, and the folder, file, URL or hub id that it is loaded from.

    `columns` are our names of the columns of a table of saved answers, None where its format is known.
    """

    backend: str
    location: str
    columns: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """The resources of a model and the settings of its engine.

    `tensor_parallel` devices hold one copy; `replicas` copies share the requests through Ray, on this machine or
    on the cluster at `ray_address`. `options` are arguments of the engine itself (vLLM's `max_model_len`, …).
    """

    replicas: int = 1
    tensor_parallel: int = 1
    ray_address: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def distributed(self) -> bool:
        """Whether Ray is needed: more than one copy, or a cluster."""
        return self.replicas > 1 or self.ray_address is not None
