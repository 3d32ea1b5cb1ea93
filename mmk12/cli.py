"""The command line: parse, call one function, print. No logic lives here.

Results go to stdout, progress and notes to stderr; `--json` prints what a machine can read. Exit codes are the
business of `mmk12.__main__`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmk12 import tables

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.tree import Tree

app = typer.Typer(
    name="mmk12",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Reproducible multimodal reasoning by reinforcement learning: data, verifier, evaluation.\n\n"
    "Start with `mmk12 demo`: it needs no data, no network and no GPU.",
)

RawDir = Annotated[Path | None, typer.Option(help="Folder with one subfolder per dataset, in its upstream layout.")]
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Go on without data that is not there, and say so.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N rows of each dataset.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Profile = Annotated[str, typer.Option(help="Verifier profile; see `mmk12 list profiles`.")]


@app.command(epilog="Example: `mmk12 demo --out runs/demo`")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for everything the demo writes.")] = Path("runs/demo"),
    limit: Limit = None,
) -> None:
    """The whole job on the embedded default: build data, evaluate two models, report, compare, figures.

    Offline and on a CPU, in a few minutes. The same command continues a demo that was interrupted.
    """
    from mmk12.progress import shown
    from mmk12.tour import tour

    with shown(_errors()) as progress:
        made = tour(out, limit=limit, progress=progress)
    _show(tables.funnel(made.built), None, as_json=False)
    for evaluated in made.evaluations:
        _show_evaluation(evaluated, as_json=False)
    typer.echo("The tuned model (B) against the starter (A), item by item:")
    _show(tables.comparison(made.difference), None, as_json=False)
    typer.echo(
        f"Training data: {made.built.out / 'train.parquet'} (verl), {made.built.out / 'DATA_CARD.md'}\n"
        f"Figures: {made.figure}, {made.built.out / 'figures' / 'sources.png'}\n"
        f"Open first: {made.evaluations[0].folder / 'report.html'}\n"
        "Next, on real data: mmk12 list benchmarks, then\n"
        "  mmk12 eval --model ORG/NAME --benchmarks k12 --raw-dir RAW\n"
        "  mmk12 build-data mm_eureka_8b --raw-dir RAW --allow-missing"
    )


@app.command(
    "build-data",
    epilog="Examples: `mmk12 build-data demo --out data/demo` · "
    "`mmk12 build-data mm_eureka_8b --raw-dir RAW --allow-missing --out data/mm_eureka`",
)
def build_data(
    recipe: Annotated[str, typer.Argument(help="Recipe name or path of a YAML file.")] = "mm_eureka_8b",
    raw_dir: RawDir = None,
    out: Annotated[Path | None, typer.Option(help="Output folder (default: data/RECIPE).")] = None,
    limit: Limit = None,
    until: Annotated[str | None, typer.Option(help="Stop after this stage.")] = None,
    allow_missing: AllowMissing = False,
    seed: Annotated[int | None, typer.Option(help="Seed of sampling and split (default: the recipe's).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    as_json: AsJson = False,
) -> None:
    """Builds a training mixture in verl's format, with the reason for every row that is left out."""
    from mmk12.data import build_data as build
    from mmk12.progress import shown

    with shown(_errors()) as progress:
        built = build(
            recipe,
            raw_dir=raw_dir,
            out=out or Path("data") / Path(recipe).stem,
            limit=limit,
            until=until,
            allow_missing=allow_missing,
            seed=seed,
            dry_run=dry_run,
            progress=progress,
        )
    if dry_run:
        _show(tables.plan(built.plan), {one.name: one.where or one.missing for one in built.plan.sources}, as_json)
        typer.echo(f"stages: {' → '.join(built.plan.stages)}", err=True)
        return
    for missing in built.plan.missing.values():
        _note(f"left out: {missing}")
    _show(tables.funnel(built), built.funnel, as_json)
    if not as_json:
        typer.echo(f"look at: {built.out / 'DATA_CARD.md'}; why rows were left out: {built.out / 'drops.jsonl'}")


@app.command(
    "eval",
    epilog="Examples: `mmk12 eval --model demo --benchmarks demo` · "
    "`mmk12 eval --model OpenGVLab/InternVL3-1B-hf --benchmarks k12 --raw-dir RAW` · "
    "`mmk12 eval --model saved.jsonl --benchmarks k12 --raw-dir RAW`",
)
def evaluate(
    model: Annotated[str, typer.Option(help="Hub id, folder, `demo`, or saved completions (run folder or JSONL).")],
    benchmarks: Annotated[str, typer.Option(help="Names or files, separated by commas.")] = "k12",
    backend: Annotated[str, typer.Option(help="auto, hf or replay.")] = "auto",
    prompt: Annotated[str, typer.Option(help="instruct, zero or plain.")] = "instruct",
    profile: Profile = "strict",
    raw_dir: RawDir = None,
    allow_missing: AllowMissing = False,
    limit: Limit = None,
    n: Annotated[int, typer.Option(min=1, help="Completions per item; above 1 they are sampled at temperature 1.")] = 1,
    max_tokens: Annotated[int, typer.Option(min=1, help="Longest response, in tokens.")] = 4096,
    out: Annotated[Path | None, typer.Option(help="Run folder (default: runs/eval-MODEL-PROMPT).")] = None,
    as_json: AsJson = False,
) -> None:
    """Evaluates a model greedily, with sub-scores, error bars and a page to look at every item.

    A run that was killed goes on where it stopped when the same command is given again.
    """
    from mmk12.evaluation import evaluate as run
    from mmk12.progress import shown

    with shown(_errors()) as progress:
        done = run(
            model,
            [ref.strip() for ref in benchmarks.split(",") if ref.strip()],
            out=out or _default_out(model, prompt, n),
            backend=backend,
            prompt=prompt,
            profile=profile,
            raw_dir=raw_dir,
            allow_missing=allow_missing,
            limit=limit,
            n=n,
            max_tokens=max_tokens,
            progress=progress,
        )
    _show_evaluation(done, as_json)


@app.command(epilog="Example: `mmk12 score runs/eval-demo-instruct --profile paper_instruct`")
def score(
    run: Annotated[Path, typer.Argument(help="An evaluation run folder.")],
    profile: Annotated[str | None, typer.Option(help="Verifier profile (default: the run's own).")] = None,
    as_json: AsJson = False,
) -> None:
    """Grades the saved completions of a run again; no model is needed."""
    from mmk12.evaluation import score as rescore

    _show_evaluation(rescore(run, profile), as_json)


@app.command(epilog="Example: `mmk12 compare runs/base runs/tuned`")
def compare(
    run_a: Annotated[Path, typer.Argument(help="The run to compare with.")],
    run_b: Annotated[Path, typer.Argument(help="The run in question.")],
    as_json: AsJson = False,
) -> None:
    """Compares two runs item by item: paired difference, interval, McNemar's test, flipped items."""
    from mmk12.comparison import compare as compared

    found = compared(run_a, run_b)
    _show(tables.comparison(found), found, as_json)
    if not as_json:
        for line in tables.flips(found):
            typer.echo(line)
    for name, row in found.items():
        if row["not_shared"]:
            _note(f"{name}: {row['not_shared']} items are in one run only and are left out")


@app.command(
    epilog="Rows: `id, response, gold` and optionally `question, choices, answer_type, precision`. "
    "Examples: `mmk12 verify responses.jsonl --out verdicts.jsonl` · `mmk12 verify responses.jsonl --explain --id 17`"
)
def verify(
    file: Annotated[Path, typer.Argument(help="JSONL file of responses and golds.")],
    profile: Profile = "strict",
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    out: Annotated[Path | None, typer.Option(help="JSONL file for the verdicts (default: standard output).")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show how one row is read and judged, and stop: the first, or --id.")
    ] = False,
    row_id: Annotated[str | None, typer.Option("--id", help="The row to explain.")] = None,
) -> None:
    """Judges responses against golds, one verdict a line, in the same order."""
    from mmk12.progress import shown
    from mmk12.verify_file import explain_row, verify_file

    if explain or row_id is not None:
        _draw(explain_row(file, row_id, profile=profile).drawn())
        return
    with shown(_errors()) as progress:
        counts = verify_file(file, out, profile=profile, workers=workers, progress=progress)
    _note(", ".join(f"{status} {count}" for status, count in counts.items()) or "no rows")


@app.command(
    epilog="Examples: `mmk12 check golds.jsonl` (rows: `id, gold`) · `mmk12 check k12 --raw-dir RAW` · "
    "`mmk12 check OpenGVLab/InternVL3-1B-hf`"
)
def check(
    ref: Annotated[str, typer.Argument(help="Benchmark, source, recipe, model, or a JSONL file of golds.")],
    raw_dir: RawDir = None,
    limit: Limit = None,
    as_json: AsJson = False,
) -> None:
    """Loads a thing and says whether it is fit for use: golds that cannot be graded, rows that cannot be read."""
    from mmk12.check import check as checked

    found = checked(ref, raw_dir=raw_dir, limit=limit)
    if as_json:
        typer.echo(json.dumps(found.rows or found.about, ensure_ascii=False, indent=2))
        return
    for name, value in found.about.items():
        typer.echo(f"{name}: {value}")
    if found.prompt:
        typer.echo(f"\none prompt:\n{found.prompt}\n")
    if found.rows:
        _show(tables.gold_types(found.rows), None, as_json=False)
    for row in found.unusable:
        typer.echo(f"unusable: {row['id']} ({row['type']}): {row['reason']}")


@app.command(
    "list",
    epilog="Example: `mmk12 list benchmarks --json`",
)
def list_(
    kind: Annotated[str, typer.Argument(help="benchmarks, sources, recipes, figures, prompts or profiles.")],
    as_json: AsJson = False,
) -> None:
    """Lists what can be named in other commands."""
    from mmk12.catalogue import catalogue

    rows = catalogue(kind)
    _show(tables.catalogue(rows), rows, as_json)


@app.command(epilog="Example: `mmk12 plot sources data/demo --out sources.png`")
def plot(
    figure: Annotated[str, typer.Argument(help="Name of a figure (see `mmk12 list figures`) or a Python file.")],
    runs: Annotated[list[Path], typer.Argument(help="Run or data folders.")],
    out: Annotated[Path | None, typer.Option(help="PNG, SVG or PDF file (default: FIGURE.png).")] = None,
) -> None:
    """Draws a figure from the files of runs."""
    from mmk12.plot import plot as draw

    typer.echo(f"wrote {draw(figure, runs, out or Path(f'{Path(figure).stem}.png'))}")


def _version(wanted: bool) -> None:
    if wanted:
        from mmk12 import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass


def _show_evaluation(done: Any, as_json: bool) -> None:
    for note in done.notes:
        _note(note)
    _show(tables.evaluation(done.results), done.results, as_json)
    if not as_json:
        typer.echo(f"look at: {done.folder / 'report.html'}")


def _default_out(model: str, prompt: str, n: int) -> Path:
    name = "".join(char if char.isalnum() or char in "._-" else "-" for char in model.strip("./"))
    return Path("runs") / (f"eval-{name}-{prompt}" + (f"-n{n}" if n > 1 else ""))


def _show(table: tables.Table, value: Any, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
        return
    _draw(table.drawn())


def _draw(drawing: RichTable | Tree) -> None:
    from rich.console import Console

    console = Console()
    (console if console.is_terminal else Console(width=200)).print(drawing)


def _note(text: str) -> None:
    typer.echo(f"note: {text}", err=True)


def _errors() -> Console:
    from rich.console import Console

    return Console(stderr=True)
