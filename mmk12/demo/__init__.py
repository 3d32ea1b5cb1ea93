"""The embedded demo: generated K12 problems with figures, and the weights of a tiny InternVL trained on them.

With it every command runs on a laptop without a network, and tests have something real to measure. Importing this
package loads neither torch nor transformers.
"""

from __future__ import annotations

from pathlib import Path

from mmk12.demo.problems import Problem, Split, generate_problems
from mmk12.errors import UnknownName

__all__ = ["MODELS", "Problem", "Split", "generate_problems", "model_path"]

MODELS = ("demo", "demo-tuned")
"""The names of the embedded models: the starter, and the stronger one that was tuned from it."""


def model_path(name: str) -> Path:
    """Returns the folder of an embedded model. Raises `UnknownName` for any name that is not in `MODELS`."""
    if name not in MODELS:
        raise UnknownName("embedded model", name, MODELS)
    return Path(__file__).parent / "weights" / name
