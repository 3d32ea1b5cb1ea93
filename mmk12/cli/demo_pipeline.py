"""Runs the demo: the main pipeline from end to end on the embedded models, offline and on a CPU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmk12.curation import Build, build_data
from mmk12.evaluation.compare import compare
from mmk12.evaluation.pipeline import evaluate
from mmk12.evaluation.records import Comparison
from mmk12.evaluation.run_folder import Evaluation
from mmk12.plotting import plot
from mmk12.utils.progress import Progress, ignore_progress

MAX_TOKENS = 256
"""Token limit of a response; the embedded models answer in some tens of tokens."""


@dataclass(frozen=True, slots=True)
class DemoRun:
    """Output of the demo: the mixture, the evaluations of both embedded models, their comparison, a figure."""

    built: Build
    evaluations: tuple[Evaluation, ...]
    difference: Comparison
    figure: Path


def run_demo(out: Path, *, limit: int | None = None, progress: Progress = ignore_progress) -> DemoRun:
    """Builds the demo mixture, evaluates the starter and the tuned model on held-out problems, and compares them.

    All output goes below `out`; the same call continues an interrupted run.
    """
    built = build_data("demo", out=out / "data", limit=limit, progress=progress)
    evaluations = tuple(_evaluate_model(model, out, limit, progress) for model in ("demo", "demo-tuned"))
    folders = [evaluation.folder for evaluation in evaluations]
    figure = plot("benchmarks", folders, out / "figures" / "accuracy.png")
    return DemoRun(built, evaluations, compare(*folders), figure)


def _evaluate_model(model: str, out: Path, limit: int | None, progress: Progress) -> Evaluation:
    def report_progress(label: str, count: int, total: int) -> None:
        progress(f"{model}: {label}", count, total)

    folder = out / f"eval-{model}"
    return evaluate(model, ["demo"], out=folder, limit=limit, max_tokens=MAX_TOKENS, progress=report_progress)
