"""The command `mmk12 demo`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from mmk12.cli import common
from mmk12.cli.common import Limit
from mmk12.cli.data import funnel_table
from mmk12.cli.evaluation import show
from mmk12.curation import Build, build_data
from mmk12.evaluation.compare import compare
from mmk12.evaluation.pipeline import evaluate
from mmk12.evaluation.run_folder import Evaluation
from mmk12.evaluation.tables import comparison_table
from mmk12.plotting import plot
from mmk12.utils.progress import Progress, silent

# `mmk12 demo`: the main job from end to end on the embedded default, offline and on a CPU.


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


app = typer.Typer()


@app.command(epilog="Example: `mmk12 demo --out runs/demo`")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo writes.")] = Path("runs/demo"),
    limit: Limit = None,
) -> None:
    """The whole job on the embedded default: build data, evaluate two models, report, compare, figures.

    Offline and on a CPU, in a few minutes. The same command continues a demo that was interrupted.
    """
    from mmk12.utils.progress import shown
    # MOVER

    with shown(common.errors()) as progress:
        made = tour(out, limit=limit, progress=progress)
    common.show(funnel_table(made.built), None, as_json=False)
    for evaluated in made.evaluations:
        show(evaluated, as_json=False)
    typer.echo("The tuned model (B) against the starter (A), item by item:")
    common.show(comparison_table(made.difference), None, as_json=False)
    typer.echo(
        f"Training data: {made.built.out / 'train.parquet'} (verl), {made.built.out / 'DATA_CARD.md'}\n"
        f"Figures: {made.figure}, {made.built.out / 'figures' / 'sources.png'}\n"
        f"Open first: {made.evaluations[0].folder / 'report.html'}\n"
        "Next, on real data: mmk12 list benchmarks, then\n"
        "  mmk12 eval --model ORG/NAME --benchmarks k12 --raw-dir RAW\n"
        "  mmk12 build-data mm_eureka_8b --raw-dir RAW --allow-missing"
    )
