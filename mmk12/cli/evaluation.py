"""The commands about evaluations and verdicts: `eval`, `score`, `compare`, `verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mmk12.cli import common
from mmk12.cli.common import (
    AllowMissing,
    AsJson,
    Columns,
    EngineOptions,
    Fallback,
    JudgeRef,
    Limit,
    Profile,
    RawDir,
    RayAddress,
    ReplicaCount,
    TensorParallel,
    examples,
)
from mmk12.evaluation.result_tables import (
    list_flips,
    make_comparison_table,
    make_difference_table,
    make_evaluation_table,
    make_leaderboard_table,
)
from mmk12.evaluation.run_folder import Evaluation

if TYPE_CHECKING:
    from mmk12.evaluation.protocol import Protocol

app = typer.Typer()


@app.command(
    "eval",
    epilog=examples(
        "mmk12 eval --model demo --benchmarks demo",
        "mmk12 eval --model OpenGVLab/InternVL3-1B-hf --benchmarks k12 --raw-dir RAW",
        "mmk12 eval --model http://localhost:8000/v1 --benchmarks k12 --raw-dir RAW",
        "mmk12 eval --model saved.jsonl --benchmarks k12 --raw-dir RAW",
        "mmk12 eval --model demo --benchmarks my.jsonl --columns question=problem",
    ),
)
def evaluate(
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="Hub id, folder, `demo`, http://HOST/v1#NAME, or saved answers (folder, file of any known format).",
            rich_help_panel=common.MODEL,
        ),
    ],
    benchmarks: Annotated[
        str,
        typer.Option(help="Names, suites or files (.py, .jsonl), separated by commas.", rich_help_panel=common.DATA),
    ] = "k12",
    columns: Annotated[
        str | None,
        typer.Option(
            help="Columns of my.jsonl, such as question=problem,answer=solution,images=figure.",
            rich_help_panel=common.DATA,
        ),
    ] = None,
    backend: Annotated[
        str, typer.Option(help="auto, vllm, hf, openai or replay.", rich_help_panel=common.MODEL)
    ] = "auto",
    protocol: Annotated[
        str,
        typer.Option(
            help="paper, opencompass, lmms_reasoning or a YAML file (`mmk12 list protocols`).",
            rich_help_panel=common.MODEL,
        ),
    ] = "paper",
    prompt: Annotated[
        str | None,
        typer.Option(help="instruct, zero or plain (default: the protocol's, instruct).", rich_help_panel=common.MODEL),
    ] = None,
    profile: Profile = "strict",
    fallback: Fallback = None,
    raw_dir: RawDir = None,
    allow_missing: AllowMissing = False,
    limit: Limit = None,
    n: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Runs: completions per item (default: 1; above, at temperature 1).",
            rich_help_panel=common.MODEL,
        ),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Longest response, in tokens (default: the protocol's, 4,096).",
            rich_help_panel=common.MODEL,
        ),
    ] = None,
    replicas: ReplicaCount = 1,
    tensor_parallel: TensorParallel = 1,
    ray_address: RayAddress = None,
    engine: EngineOptions = None,
    response_columns: Annotated[
        str | None,
        typer.Option(
            help="Columns of saved answers in no known format: response=NAME,id=NAME.", rich_help_panel=common.DATA
        ),
    ] = None,
    judge: JudgeRef = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Run folder (default: runs/eval-MODEL-PROMPT, or -PROTOCOL).",
            rich_help_panel=common.OUTPUT,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Evaluates a model by a protocol, with sub-scores, error bars and a page that shows every item.

    The same command continues a run that was killed.
    """
    from mmk12.datasets.own_benchmark import parse_columns
    from mmk12.evaluation.pipeline import evaluate as run
    from mmk12.evaluation.pipeline import run_judge
    from mmk12.evaluation.protocol import load_protocol
    from mmk12.formats.responses import parse_columns as parse_response_columns
    from mmk12.inference import engine_options
    from mmk12.inference.deployment import Deployment
    from mmk12.inference.llm_judge import open_judge
    from mmk12.utils.progress import show_progress
    from mmk12.verifier.profiles import with_fallback

    chosen = load_protocol(protocol)
    opened_judge = open_judge(judge) if judge is not None else None  # a missing judge is reported before the work
    with show_progress(common.errors()) as progress:
        evaluation = run(
            model,
            [ref.strip() for ref in benchmarks.split(",") if ref.strip()],
            out=out or default_out(model, chosen.change(prompt=prompt, runs=n, max_tokens=max_tokens)),
            backend=backend,
            protocol=chosen,
            prompt=prompt,
            profile=with_fallback(profile, fallback),
            raw_dir=raw_dir,
            allow_missing=allow_missing,
            limit=limit,
            n=n,
            max_tokens=max_tokens,
            columns=parse_columns(columns) if columns is not None else None,
            response_columns=(
                parse_response_columns(response_columns, "--response-columns") if response_columns is not None else None
            ),
            deployment=Deployment(replicas, tensor_parallel, ray_address, engine_options(engine or [])),
            progress=progress,
        )
        if opened_judge is not None:
            evaluation = run_judge(evaluation, opened_judge, progress)
    show(evaluation, as_json)


@app.command(
    epilog=examples(
        "mmk12 score runs/eval-demo-instruct --profile paper_instruct",
        "mmk12 score runs/eval-demo-instruct --profile released_instruct --out runs/released",
        "mmk12 score runs/eval-demo-instruct --judge http://localhost:8000/v1#NAME",
    )
)
def score(
    run: Annotated[Path, typer.Argument(help="An evaluation run folder.")],
    profile: Annotated[str | None, typer.Option(help="Verifier profile (default: the run's own).")] = None,
    fallback: Fallback = None,
    judge: JudgeRef = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="New folder for the verdicts (default: replace the run's).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Grades the saved completions of a run again, without the model; a judge can be added."""
    from mmk12.evaluation.pipeline import run_judge
    from mmk12.evaluation.pipeline import score as rescore
    from mmk12.inference.llm_judge import open_judge
    from mmk12.utils.progress import show_progress

    opened_judge = open_judge(judge) if judge is not None else None
    evaluation = rescore(run, profile, out, fallback)
    if opened_judge is not None:
        with show_progress(common.errors()) as progress:
            evaluation = run_judge(evaluation, opened_judge, progress)
    show(evaluation, as_json)


@app.command(
    epilog=examples(
        "mmk12 compare runs/base runs/tuned", "mmk12 compare runs/base runs/step-100 runs/step-200 --out runs.html"
    )
)
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Evaluation run folders; the others are compared with the first.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Also write it to this .md, .html or .csv file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compares runs item by item: paired differences, intervals, tests, flipped items.

    Two runs are compared in depth. One run, or more than two, become a table with the published numbers and averages.
    """
    from mmk12.evaluation import compare_report
    from mmk12.evaluation.compare import compare as compared
    from mmk12.evaluation.compare import list_cautions, list_scaled_pictures

    if out is not None:
        compare_report.check_suffix(out)
    scaled = list_scaled_pictures(*runs) if len(runs) == 2 else []
    if len(runs) == 2 and not scaled:
        comparison, cautions = compared(*runs), list_cautions(*runs)
        common.show(make_comparison_table(comparison), comparison.model_dump(), as_json)
        for line in [] if as_json else list_flips(comparison):
            typer.echo(line)
        for caution in cautions:
            common.print_note(caution)
        if out is not None:
            compare_report.write_pair_report(out, (runs[0], runs[1]), comparison, cautions)
    else:
        from mmk12.evaluation.leaderboard import make_leaderboard

        leaderboard = make_leaderboard(runs)
        common.show(make_leaderboard_table(leaderboard), leaderboard.model_dump(), as_json)
        for line in (*scaled, *leaderboard.notes):
            common.print_note(line)
        if leaderboard.differences and not as_json:
            common.show(make_difference_table(leaderboard), None, as_json=False)
        if out is not None:
            compare_report.write_leaderboard(out, leaderboard, runs)


def show(evaluation: Evaluation, as_json: bool) -> None:
    """Prints the notes and the results of an evaluation, as a table or as JSON.

    Exits with 1 if a benchmark has no answer at all.
    """
    for note in evaluation.notes:
        common.print_note(note)
    common.show(make_evaluation_table(evaluation.results), evaluation.results.model_dump(), as_json)
    if not as_json:
        typer.echo(f"look at: {evaluation.folder / 'report.html'}")
    if any(result.accuracy is None and result.unanswered for result in evaluation.results.benchmarks.values()):
        raise typer.Exit(1)  # a benchmark without any answer was not measured


def default_out(model: str, protocol: Protocol) -> Path:
    """Returns a folder of its own for each model and protocol; the paper's protocol is named by its prompt."""
    name = "".join(char if char.isalnum() or char in "._-" else "-" for char in model.strip("./"))
    first = protocol.prompt if protocol.name == "paper" else protocol.name
    return Path("runs") / "-".join(("eval", name, first, *(word for word in protocol.changes if word != first)))


@app.command(
    epilog=examples(
        "mmk12 verify responses.jsonl --out verdicts.jsonl",
        "mmk12 verify responses.jsonl --explain --id 17",
        note="Rows: `id, response, gold` and optionally `question, choices, answer_type, precision`.",
    )
)
def verify(
    file: Annotated[
        Path,
        typer.Argument(
            help="File of responses and golds: JSONL, also as .gz (- reads a pipe), or another framework's."
        ),
    ],
    profile: Profile = "strict",
    fallback: Fallback = None,
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="JSONL file for the verdicts (default: standard output).")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show how one row is parsed and judged, and stop: the first, or --id.")
    ] = False,
    row_id: Annotated[str | None, typer.Option("--id", help="The row to explain.")] = None,
    columns: Columns = None,
) -> None:
    """Judges responses against golds: one verdict per line, in the order of the input."""
    from mmk12.evaluation.verify_file import explain_row, verify_file
    from mmk12.formats.responses import parse_columns
    from mmk12.utils.progress import show_progress
    from mmk12.verifier.profiles import with_fallback

    profile = with_fallback(profile, fallback)
    named = parse_columns(columns) if columns is not None else None
    if explain or row_id is not None:
        common.print_table(explain_row(file, row_id, profile=profile, columns=named).to_tree())
        return
    with show_progress(common.errors()) as progress:
        counts = verify_file(
            file,
            out,
            profile=profile,
            workers=workers,
            columns=named,
            progress=progress,
            note=common.print_note,
        )
    common.print_note(", ".join(f"{status} {count}" for status, count in counts.items()) or "no rows")
