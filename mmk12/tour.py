"""`mmk12 demo`: the main job from end to end on the embedded default, offline and on a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmk12.comparison import compare
from mmk12.data import Build, build_data
from mmk12.evaluation import Evaluation, evaluate
from mmk12.generate import Progress, silent
from mmk12.plot import plot

MAX_TOKENS = 256
"""The embedded models answer in some tens of tokens."""


@dataclass(frozen=True, slots=True)
class Tour:
    """What the demo made: the mixture, the evaluations of both embedded models, their difference, a figure."""

    built: Build
    evaluations: tuple[Evaluation, ...]
    difference: Mapping[str, Any]
    figure: Path


def tour(out: Path, *, limit: int | None = None, progress: Progress = silent) -> Tour:
    """Builds the demo mixture, evaluates the starter and its tuned sibling on held-out problems, compares them.

    Everything goes below `out`; an interrupted tour goes on from there.
    """
    built = build_data("demo", out=out / "data", limit=limit, progress=progress)
    evaluations = tuple(_evaluated(model, out, limit, progress) for model in ("demo", "demo-tuned"))
    folders = [evaluation.folder for evaluation in evaluations]
    figure = plot("benchmarks", folders, out / "figures" / "accuracy.png")
    return Tour(built, evaluations, compare(*folders), figure)


def _evaluated(model: str, out: Path, limit: int | None, progress: Progress) -> Evaluation:
    def labelled(label: str, done: int, total: int) -> None:
        progress(f"{model}: {label}", done, total)

    folder = out / f"eval-{model}"
    return evaluate(model, ["demo"], out=folder, limit=limit, max_tokens=MAX_TOKENS, progress=labelled)
