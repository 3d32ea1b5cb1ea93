"""The commands that show runs: `plot`, `report`, `aha`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmk12.cli import console

app = typer.Typer()


@app.command(
    epilog="Examples: `mmk12 plot sources data/demo` · `mmk12 plot training_curves runs/train-a runs/train-b` · "
    "`mmk12 plot compare_runs runs/kl runs/no-kl --metric accuracy --metric kl --out kl.svg` · "
    "`mmk12 plot results_table runs/eval-a runs/eval-b --out table.tex`"
)
def plot(
    figure: Annotated[str, typer.Argument(help="Name of a figure (see `mmk12 list figures`) or a Python file.")],
    runs: Annotated[
        list[Path],
        typer.Argument(help="Run or data folders, logs of verl, TensorBoard folders; NAME-seed0, NAME-seed1 are one."),
    ],
    metric: Annotated[
        list[str] | None, typer.Option(help="A column of the run log, where a figure lets them be chosen; may repeat.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="PNG, SVG or PDF file; .md, .tex or .csv for a table (default: FIGURE.png).")
    ] = None,
) -> None:
    """Draws a figure from the files of runs."""
    from mmk12.plot import plot as draw

    typer.echo(f"wrote {draw(figure, runs, out or Path(f'{Path(figure).stem}.png'), metric or ())}")


@app.command(epilog="Example: `mmk12 report runs/train-demo`")
def report(
    run: Annotated[Path, typer.Argument(help="A training run folder.")],
    out: Annotated[Path | None, typer.Option(help="HTML file (default: report.html in the run folder).")] = None,
    data: Annotated[Path | None, typer.Option(help="Its data folder, where that has moved since training.")] = None,
) -> None:
    """Makes one page of a training run: curves, reward health, configuration, and rollouts to look at."""
    from mmk12.runpage import write

    typer.echo(f"look at: {write(run, out or run / 'report.html', data)}")


@app.command(epilog="Example: `mmk12 aha runs/train-demo`, and `mmk12 plot aha runs/train-demo` for the figure alone")
def aha(
    run: Annotated[Path, typer.Argument(help="A training run folder with dumped rollouts.")],
    out: Annotated[Path | None, typer.Option(help="HTML file (default: aha.html in the run folder).")] = None,
    data: Annotated[Path | None, typer.Option(help="Its data folder, where that has moved since training.")] = None,
) -> None:
    """Finds second thoughts in responses (looking again, checking, going back, planning anew) and counts them."""
    from mmk12.aha.page import write

    page = out or run / "aha.html"
    console.show(write(run, page, data), None, as_json=False)
    typer.echo(f"look at: {page}")
