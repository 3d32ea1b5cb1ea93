"""mmk12: multimodal reasoning by reinforcement learning, made reproducible.

Every public name is loaded when it is first used, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from mmk12._version import __version__
from mmk12.errors import (
    BadInput,
    BadRecipe,
    MissingData,
    MissingExtra,
    Mmk12Error,
    ModelError,
    OutputError,
    PromptError,
    UnknownName,
)

if TYPE_CHECKING:
    from mmk12.curation import build_data
    from mmk12.datasets.declarations import Benchmark, PublishedResult, SkipRow, Source
    from mmk12.datasets.files import Files
    from mmk12.datasets.image_tags import place_images
    from mmk12.datasets.options import find_inline_options, find_options, letter_options
    from mmk12.datasets.registry import load_benchmark, load_source
    from mmk12.evaluation.compare import compare
    from mmk12.evaluation.pipeline import evaluate
    from mmk12.recipes.recipe_loader import load_recipe
    from mmk12.training.launcher import TrainingFailed
    from mmk12.types import (
        IMAGE_MARK,
        Backend,
        BrokenLine,
        Completion,
        DroppedSample,
        GenerationFailure,
        Gold,
        Graded,
        HubDataset,
        Image,
        Message,
        RawSample,
        Request,
        Row,
        Sample,
        Sampling,
        Verdict,
    )
    from mmk12.utils.rates import Rate, ratio, share
    from mmk12.verifier import classify_gold, reward, verify, verify_many
    from mmk12.verl_plugin.patching import PatchError

_MODULES = {
    "curation": "build_data",
    "datasets.declarations": "Benchmark PublishedResult SkipRow Source",
    "datasets.files": "Files",
    "datasets.image_tags": "place_images",
    "datasets.options": "find_inline_options find_options letter_options",
    "datasets.registry": "load_benchmark load_source",
    "evaluation.compare": "compare",
    "evaluation.pipeline": "evaluate",
    "recipes.recipe_loader": "load_recipe",
    "training.launcher": "TrainingFailed",
    "types": "IMAGE_MARK Backend BrokenLine Completion DroppedSample GenerationFailure Gold Graded HubDataset Image "
    "Message RawSample Request Row Sample Sampling Verdict",
    "utils.rates": "Rate ratio share",
    "verifier": "classify_gold reward verify verify_many",
    "verl_plugin.patching": "PatchError",
}
"""Module -> the public names that it defines. They are imported when they are first used."""
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = [
    "IMAGE_MARK",
    "Backend",
    "BadInput",
    "BadRecipe",
    "Benchmark",
    "BrokenLine",
    "Completion",
    "DroppedSample",
    "Files",
    "GenerationFailure",
    "Gold",
    "Graded",
    "HubDataset",
    "Image",
    "Message",
    "MissingData",
    "MissingExtra",
    "Mmk12Error",
    "ModelError",
    "OutputError",
    "PatchError",
    "PromptError",
    "PublishedResult",
    "Rate",
    "RawSample",
    "Request",
    "Row",
    "Sample",
    "Sampling",
    "SkipRow",
    "Source",
    "TrainingFailed",
    "UnknownName",
    "Verdict",
    "__version__",
    "build_data",
    "classify_gold",
    "compare",
    "evaluate",
    "find_inline_options",
    "find_options",
    "letter_options",
    "load_benchmark",
    "load_recipe",
    "load_source",
    "place_images",
    "ratio",
    "reward",
    "share",
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
"""Public names of release 0.1.0 -> their names today. The old ones will be removed in release 0.3.0."""


def __getattr__(name: str) -> Any:
    if name in _RENAMED:
        message = f"mmk12.{name} is now mmk12.{_RENAMED[name]}; the old name will be removed in release 0.3.0"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        name = _RENAMED[name]
    if name not in _HOMES:
        raise AttributeError(f"module 'mmk12' has no attribute '{name}'")
    return getattr(importlib.import_module(f"mmk12.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
