"""The command `mmk12 demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmk12.cli import common
from mmk12.cli.common import Limit, examples
from mmk12.cli.data import make_funnel_table
from mmk12.cli.evaluation import show
from mmk12.evaluation.result_tables import make_comparison_table

app = typer.Typer()


@app.command(epilog=examples("mmk12 demo --out runs/demo"))
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for everything the demo writes.")] = Path(
        "runs/demo"
    ),
    limit: Limit = None,
) -> None:
    """Runs everything on the embedded models: build data, evaluate two models, report, compare, draw figures.

    It works offline on a CPU in a few minutes. The same command continues a demo that was interrupted.
    """
    from mmk12.cli.demo_pipeline import run_demo
    from mmk12.utils.progress import show_progress

    with show_progress(common.errors()) as progress:
        result = run_demo(out, limit=limit, progress=progress)
    common.show(make_funnel_table(result.built), None, as_json=False)
    for evaluated in result.evaluations:
        show(evaluated, as_json=False)
    typer.echo("The tuned model (B) against the starter (A), item by item:")
    common.show(make_comparison_table(result.difference), None, as_json=False)
    typer.echo(
        f"Training data: {result.built.out / 'train.parquet'} (verl), {result.built.out / 'README.md'}\n"
        f"Figures: {result.figure}, {result.built.out / 'figures' / 'sources.png'}\n"
        f"Open first: {result.evaluations[0].folder / 'report.html'}\n"
        "Next, on real data: mmk12 list benchmarks, then\n"
        "  mmk12 eval --model ORG/NAME --benchmarks k12 --raw-dir RAW\n"
        "  mmk12 build-data mm_eureka_8b --raw-dir RAW --allow-missing"
    )
