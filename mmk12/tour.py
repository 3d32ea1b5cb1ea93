"""`mmk12 demo`: the main job from end to end on the embedded default, offline and on a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmk12.compare import compare
from mmk12.data import Built, build_data
from mmk12.evaluate import Evaluation, evaluate
from mmk12.generate import Progress, silent
from mmk12.plot import plot

MAX_TOKENS = 256
"""The embedded models answer in some tens of tokens."""


@dataclass(frozen=True, slots=True)
class Tour:
    """What the demo made: the mixture, the evaluations of both embedded models, their difference, a figure."""

    built: Built
    evaluations: tuple[Evaluation, ...]
    difference: Mapping[str, Any]
    figure: Path


def tour(out: Path, *, limit: int | None = None, progress: Progress = silent) -> Tour:
    """Builds the demo mixture, evaluates the starter and its tuned sibling on held-out problems, compares them.

    Everything goes below `out`; an interrupted tour goes on from there.
    """
    built = build_data("demo", out=out / "data", limit=limit, progress=progress)
    evaluations = tuple(
        evaluate(
            model,
            ["demo"],
            out=out / f"eval-{model}",
            limit=limit,
            max_tokens=MAX_TOKENS,
            progress=lambda label, done, total, model=model: progress(f"{model}: {label}", done, total),
        )
        for model in ("demo", "demo-tuned")
    )
    folders = [evaluation.folder for evaluation in evaluations]
    figure = plot("benchmarks", folders, out / "figures" / "accuracy.png")
    return Tour(built, evaluations, compare(*folders), figure)
