"""mmk12: multimodal reasoning by reinforcement learning, made reproducible.

Every public name is loaded when it is first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from mmk12._version import __version__

if TYPE_CHECKING:
    from mmk12.curation import build_data
    from mmk12.datasets.declarations import Benchmark, PublishedResult, Source
    from mmk12.datasets.registry import load_benchmark, load_source
    from mmk12.evaluation.compare import compare
    from mmk12.evaluation.pipeline import evaluate
    from mmk12.recipes.recipe_loader import load_recipe
    from mmk12.types import (
        Backend,
        Completion,
        DroppedSample,
        GenerationFailure,
        Gold,
        HubDataset,
        Image,
        Message,
        RawSample,
        Request,
        Sample,
        Sampling,
        Verdict,
    )
    from mmk12.verifier import reward, verify, verify_many

_TYPES = (
    "Backend Completion DroppedSample GenerationFailure Gold HubDataset Image Message "
    "RawSample Request Sample Sampling Verdict"
)
_HOMES = {
    **dict.fromkeys(_TYPES.split(), "types"),
    **dict.fromkeys(("Benchmark", "PublishedResult", "Source"), "datasets.declarations"),
    "build_data": "curation",
    "compare": "evaluation.compare",
    "evaluate": "evaluation.pipeline",
    "load_benchmark": "datasets.registry",
    "load_recipe": "recipes.recipe_loader",
    "load_source": "datasets.registry",
    "reward": "verifier",
    "verify": "verifier",
    "verify_many": "verifier",
}

__all__ = [
    "Backend",
    "Benchmark",
    "Completion",
    "DroppedSample",
    "GenerationFailure",
    "Gold",
    "HubDataset",
    "Image",
    "Message",
    "PublishedResult",
    "RawSample",
    "Request",
    "Sample",
    "Sampling",
    "Source",
    "Verdict",
    "__version__",
    "build_data",
    "compare",
    "evaluate",
    "load_benchmark",
    "load_recipe",
    "load_source",
    "reward",
    "verify",
    "verify_many",
]


_RENAMED = {
    "Draft": "RawSample",
    "Dropped": "DroppedSample",
    "Failure": "GenerationFailure",
    "Hub": "HubDataset",
    "Published": "PublishedResult",
}
"""Public names of 0.1.0 and what they are called now. They go with release 0.3.0."""


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        message = f"mmk12.{name} is called mmk12.{_RENAMED[name]} now; the old name goes with release 0.3.0"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        name = _RENAMED[name]
    if name not in _HOMES:
        raise AttributeError(f"module 'mmk12' has no attribute '{name}'")
    return getattr(importlib.import_module(f"mmk12.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
