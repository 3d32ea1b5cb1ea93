"""The commands that present runs: `view`, `plot`, `report`, `aha`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mmk12.cli import common
from mmk12.cli.common import AsJson, JudgeRef, examples

app = typer.Typer()


@app.command(
    epilog=examples(
        "mmk12 plot sources data/demo",
        "mmk12 plot training_curves runs/train-a runs/train-b",
        "mmk12 plot compare_runs runs/kl runs/no-kl --metric accuracy --metric kl --out kl.svg",
        "mmk12 plot results_table runs/eval-a runs/eval-b --out table.tex",
    )
)
def plot(
    figure: Annotated[str, typer.Argument(help="Name of a figure (see `mmk12 list figures`) or a Python file.")],
    runs: Annotated[
        list[Path],
        typer.Argument(help="Run or data folders, logs of verl, TensorBoard folders. NAME-seed0, … are seeds of one."),
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(help="A column of the run log, for figures with a choice of them; repeatable."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="PNG, SVG or PDF; .md, .tex or .csv for a table (default: FIGURE.png)."),
    ] = None,
    preset: Annotated[
        str, typer.Option(help="screen; column or page for print: that width, serif, apart in grey.")
    ] = "screen",
) -> None:
    """Draws a figure from the files of runs."""
    from mmk12.plotting import check_output, list_notes
    from mmk12.plotting import plot as draw_figure

    file = out or Path(f"{Path(figure).stem}.png")
    known = check_output(figure, file, preset)
    typer.echo(f"wrote {draw_figure(figure, runs, file, metric or (), known)}")
    for note in list_notes(figure, runs):
        common.print_note(note)


@app.command(
    epilog=examples("mmk12 view", "mmk12 view runs --serve", "mmk12 view runs --json"),
)
def view(
    folder: Annotated[Path, typer.Argument(help="A folder with runs in it, or below it.")] = Path("runs"),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="HTML file (default: FOLDER/index.html).")] = None,
    serve: Annotated[bool, typer.Option("--serve", help="Serve the page on this machine, live, until Ctrl-C.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port for --serve; 0 takes a free one.")] = 7575,
    as_json: AsJson = False,
) -> None:
    """Lists all runs on one page: model, benchmarks, accuracy, date, duration, state. It can be sorted and filtered."""
    from mmk12.errors import BadInput
    from mmk12.run_report import index_server, run_index

    if serve:
        if out is not None or as_json:
            raise BadInput("--serve writes no file and no JSON. Leave out --out and --json.")
        server = index_server.open_server(folder, port)
        typer.echo(f"look at: http://{index_server.HOST}:{server.server_address[1]}/ (Ctrl-C ends it)")
        with server:
            server.serve_forever()
        return
    if as_json:
        typer.echo(json.dumps(run_index.to_json(run_index.list_runs(folder)), ensure_ascii=False, indent=2))
        return
    page = out or folder / "index.html"
    index = run_index.write_index(folder, page)
    typer.echo(f"{len(index.rows)} rows. look at: {page}")


@app.command(epilog=examples("mmk12 report runs/train-demo", "mmk12 report runs/eval-demo-instruct"))
def report(
    run: Annotated[Path, typer.Argument(help="A training or evaluation run folder.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="HTML file (default: report.html in the run folder).")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Data folder of a training run, where that has moved since training.")
    ] = None,
) -> None:
    """Makes one page of a run, for training: curves, reward health, configuration, and rollouts to look at.

    For an evaluation: report.md and report.html again, as `mmk12 eval` wrote them.
    """
    from mmk12.errors import BadInput
    from mmk12.evaluation.report import rebuild_report
    from mmk12.evaluation.run_folder import EvalRun
    from mmk12.run_report import write_page

    if EvalRun(run).exists:
        if data is not None:
            raise BadInput(f"--data is for training runs, and {run} is an evaluation. Leave it out.")
        page = rebuild_report(run, out)
    else:
        page = write_page(run, out or run / "report.html", data)
    typer.echo(f"look at: {page}")


@app.command(
    epilog=examples(
        "mmk12 aha runs/train-demo",
        "mmk12 plot aha runs/train-demo",
        "mmk12 aha runs/train-demo --judge http://localhost:8000/v1#NAME",
    )
)
def aha(
    run: Annotated[Path, typer.Argument(help="A training run folder with dumped rollouts.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="HTML file (default: aha.html in the run folder).")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Its data folder, if it has moved since training.")] = None,
    judge: JudgeRef = None,
    judge_sample: Annotated[
        int, typer.Option(min=1, help="Responses of each kind that the judge is asked about.")
    ] = 200,
) -> None:
    """Finds and counts reflection in responses: looking again, checking, going back, planning anew.

    A judge is asked once; its opinions are kept and shown from then on.
    """
    from mmk12.run_report.reflection.reflection_page import write_report

    if judge is not None:
        _run_judge(run, judge, judge_sample)
    page = out or run / "aha.html"
    for table in filter(None, write_report(run, page, data)):
        common.show(table, None, as_json=False)
    typer.echo(f"look at: {page}")


def _run_judge(run: Path, ref: str, sample: int) -> None:
    from mmk12.inference.llm_judge import open_judge
    from mmk12.run_report.reflection.reflection_judge import run_judge
    from mmk12.utils.progress import show_progress

    judge = open_judge(ref)
    with show_progress(common.errors()) as progress:
        notes = run_judge(run, judge, per_kind=sample, progress=progress)
    for note in notes:
        common.print_note(note)
