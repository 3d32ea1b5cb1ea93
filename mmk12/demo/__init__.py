"""The embedded default: seeded K12 problems with figures, and a tiny InternVL that was trained on them.

It lets every command run on a laptop without a network, and gives tests something real to measure. Importing this
module loads neither torch nor transformers.
"""

from __future__ import annotations

from pathlib import Path

from mmk12.demo.problems import Problem, Split, generate_problems
from mmk12.errors import UnknownName

__all__ = ["Problem", "Split", "generate_problems", "model_path"]

_MODELS = ("demo", "demo-tuned")


def model_path(name: str) -> Path:
    """The folder of an embedded model: "demo" is the starter, "demo-tuned" its stronger sibling.

    Raises `UnknownName` for any other name.
    """
    if name not in _MODELS:
        raise UnknownName("embedded model", name, _MODELS)
    return Path(__file__).parent / "weights" / name
