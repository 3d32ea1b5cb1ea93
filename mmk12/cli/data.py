"""The commands that build, check, compare and hand on data: `build-data`, `check`, `overlap`, `export`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmk12.cli import common
from mmk12.cli.common import (
    AllowMissing,
    AsJson,
    Columns,
    EngineOptions,
    Limit,
    RawDir,
    RayAddress,
    ReplicaCount,
    TensorParallel,
    examples,
)
from mmk12.errors import BadInput
from mmk12.utils.tables import Table

if TYPE_CHECKING:
    from mmk12.curation import Build, Plan
    from mmk12.curation.overlap_record import Overlap
    from mmk12.curation.plan import PlannedBenchmark, PlannedSource
    from mmk12.curation.validate import ValidationResult


app = typer.Typer()


@app.command(
    "build-data",
    epilog=examples(
        "mmk12 build-data demo --out data/demo",
        "mmk12 build-data mm_eureka_8b --raw-dir RAW --allow-missing --out data/mm_eureka",
        "mmk12 build-data mm_eureka_8b --raw-dir RAW --model OpenGVLab/InternVL2_5-8B-hf --replicas 8",
    ),
)
def build_data(
    recipe: Annotated[str, typer.Argument(help="Recipe name or path of a YAML file.")] = "mm_eureka_8b",
    raw_dir: RawDir = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Output folder (default: data/RECIPE).", rich_help_panel=common.OUTPUT),
    ] = None,
    limit: Limit = None,
    until: Annotated[str | None, typer.Option(help="Stop after this stage.")] = None,
    allow_missing: AllowMissing = False,
    seed: Annotated[int | None, typer.Option(help="Seed of sampling and split (default: the recipe's).")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="Model of the difficulty filter, as in `eval`.", rich_help_panel=common.MODEL
        ),
    ] = None,
    backend: Annotated[
        str, typer.Option(help="auto, vllm, hf, openai or replay.", rich_help_panel=common.MODEL)
    ] = "auto",
    n: Annotated[
        int | None,
        typer.Option(min=1, help="Its responses per question (default: the recipe's 8).", rich_help_panel=common.MODEL),
    ] = None,
    replicas: ReplicaCount = 1,
    tensor_parallel: TensorParallel = 1,
    ray_address: RayAddress = None,
    engine: EngineOptions = None,
    allow_failures: Annotated[
        bool, typer.Option("--allow-failures", help="Continue without questions on which the engine fails.")
    ] = False,
    tokenizer: Annotated[str | None, typer.Option(help="Model whose processor measures the prompts.")] = None,
    as_json: AsJson = False,
) -> None:
    """Builds a training mixture in verl's format, with the reason for every row that is left out.

    With `--model`, rows that it solves always or never are left out too; a build that was killed goes on with the
    same command.
    """
    from mmk12.curation import DifficultyModel
    from mmk12.curation import build_data as build
    from mmk12.inference import engine_options
    from mmk12.inference.deployment import Deployment
    from mmk12.utils.progress import show_progress

    deployment = Deployment(replicas, tensor_parallel, ray_address, engine_options(engine or []))
    rollouts = DifficultyModel(model, backend, n, deployment, allow_failures) if model is not None else None
    with show_progress(common.errors()) as progress:
        built = build(
            recipe,
            raw_dir=raw_dir,
            out=out or Path("data") / Path(recipe).stem,
            limit=limit,
            until=until,
            allow_missing=allow_missing,
            seed=seed,
            dry_run=dry_run,
            rollouts=rollouts,
            tokenizer=tokenizer,
            progress=progress,
        )
    if dry_run:
        common.show(make_plan_table(built.plan), built.plan.places, as_json)
        typer.echo(f"stages: {' → '.join(built.plan.stages)}", err=True)
        return
    if built.plan.instead_of:
        common.print_note(f"{built.plan.instead_of} has no source here, so {built.plan.recipe.name} was built instead")
    for line in built.moved:
        common.print_note(line)
    for missing in built.plan.missing.values():
        common.print_note(f"left out: {missing}")
    for name, missing in built.plan.not_compared.items():
        common.print_note(f"NOT DECONTAMINATED: the questions of {name} may be in the mixture. {missing}")
    if rollouts is None:
        common.print_note("the difficulty filter was skipped: it needs --model")
    if tokenizer is None and built.plan.recipe.data.long_prompts == "drop":
        common.print_note("long prompts were not left out: measuring them needs --tokenizer")
    common.show(make_funnel_table(built), built.funnel, as_json)
    if not as_json:
        typer.echo(f"look at: {built.out / 'README.md'}; why rows were left out: {built.out / 'drops.jsonl'}")


@app.command(
    epilog=examples(
        "mmk12 check golds.jsonl",
        "mmk12 check k12 --raw-dir RAW",
        "mmk12 check unigeo --raw-dir RAW --sample 20",
        "mmk12 check OpenGVLab/InternVL3-1B-hf",
    )
)
def check(
    ref: Annotated[str, typer.Argument(help="Benchmark, source, recipe, model, server URL, or a file of golds.")],
    raw_dir: RawDir = None,
    limit: Limit = None,
    sample: Annotated[
        int | None,
        typer.Option(min=1, help="Print so many rows of a dataset, drawn by id, and the drops."),
    ] = None,
    images: Annotated[Path, typer.Option(help="Folder for the images of --sample.")] = Path("check-images"),
    columns: Columns = None,
    as_json: AsJson = False,
) -> None:
    """Checks whether a dataset, recipe or model can be used: unusable golds, unreadable rows, a rendered prompt.

    Exit code 1 if nothing could be read, or no row can be used.
    """
    from mmk12.curation.validate import check as checked
    from mmk12.formats.responses import parse_columns

    if sample is not None:
        _print_sample(ref, sample, raw_dir, images, limit, as_json)
        return
    named = parse_columns(columns) if columns is not None else None
    found = checked(ref, raw_dir=raw_dir, limit=limit, columns=named)
    if as_json:
        typer.echo(json.dumps(found.rows or found.about, ensure_ascii=False, indent=2))
    else:
        _print_validation(found)
    if found.rows and len(found.unusable) == len(found.rows):
        raise BadInput(
            f"None of the {len(found.rows)} rows of {ref} can be used, first: {found.unusable[0]['reason']}."
        )


@app.command(
    epilog=examples("mmk12 export data/mm_eureka_8b --for trl", "mmk12 export data/demo --for swift --out data/swift")
)
def export(
    data: Annotated[Path, typer.Argument(help="A folder of `build-data`, or one parquet file of it.")],
    target: Annotated[str, typer.Option("--for", help="trl, easyr1, swift, llamafactory or openrlhf.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Output folder (default: DATA/TARGET).")] = None,
) -> None:
    """Writes training data as another trainer reads it, and says what that trainer needs to pay our reward.

    What the target cannot carry is named.
    """
    from mmk12.curation.exports import export_for
    from mmk12.utils.progress import show_progress

    folder = out or (data if data.is_dir() else data.parent) / target
    with show_progress(common.errors()) as progress:
        done = export_for(data, target, folder, progress=progress)
    for lost in done.lost:
        common.print_note(f"not carried: {lost}")
    for path in done.files:
        typer.echo(f"{path}: {done.counts[path.stem]:,} rows" if path.stem in done.counts else str(path))
    typer.echo(f"use: {done.use}")


def _print_sample(ref: str, count: int, raw_dir: Path | None, images: Path, limit: int | None, as_json: bool) -> None:
    from mmk12.curation.row_sample import sample_rows
    from mmk12.curation.validate import find_dataset

    dataset = find_dataset(ref)
    if dataset is None:
        raise BadInput(f"--sample shows rows of a benchmark or source, and {ref} is neither. See: mmk12 list sources")
    drawn = sample_rows(dataset, count, raw_dir=raw_dir, images=images, limit=limit)
    if as_json:
        value = {"read": drawn.read, "usable": drawn.usable, "rows": drawn.rows, "drops": drawn.drops}
        typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_to_plain))
    else:
        for row in drawn.rows:
            typer.echo(f"{row.id}  [{row.kind}, {row.type}]\n{row.question}\n→ {row.gold}")
            typer.echo("".join(f"  {path}\n" for path in row.images))
        for reason, drops in groupby(sorted(drawn.drops, key=attrgetter("reason")), key=attrgetter("reason")):
            first, *others = drops
            typer.echo(f"dropped {1 + len(others)}: {reason} (first {first.id}: {first.evidence[:200]})")
        typer.echo(f"{len(drawn.rows)} of {drawn.usable} usable rows, of {drawn.read} read; images: {images}", err=True)
    if not drawn.rows:
        raise BadInput(f"None of the {drawn.read} rows of {ref} can be used.")


def _to_plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else asdict(value)


def _print_validation(found: ValidationResult) -> None:
    for name, value in found.about.items():
        typer.echo(f"{name}: {value}")
    if found.prompt:
        typer.echo(f"\none prompt:\n{found.prompt}\n")
    if found.rows:
        common.show(make_gold_type_table(found.rows), None, as_json=False)
    for row in found.unusable:
        typer.echo(f"unusable: {row['id']} ({row['type']}): {row['reason']}")


@app.command(
    epilog=examples(
        "mmk12 overlap train.parquet --raw-dir RAW",
        "mmk12 overlap hiyouga/geometry3k --raw-dir RAW --benchmarks mathvista,mathverse",
        "mmk12 overlap rows.jsonl --raw-dir RAW --columns question=text,images=pictures",
    )
)
def overlap(
    dataset: Annotated[
        str, typer.Argument(help="A .parquet or .jsonl file, a folder of them, a hub id, or the name of a source.")
    ],
    benchmarks: Annotated[str, typer.Option(help="Names or files, separated by commas, or `all`.")] = "all",
    raw_dir: RawDir = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Output folder (default: overlap/DATASET).")] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="OURS=THEIRS,…", help="Columns that are not recognised: question, answer, images, …."),
    ] = None,
    split: Annotated[str, typer.Option(help="Split of a hub dataset.")] = "train",
    template: Annotated[
        bool, typer.Option("--template", help="The questions are made from templates: equal words prove nothing.")
    ] = False,
    limit: Limit = None,
    allow_missing: AllowMissing = False,
    as_json: AsJson = False,
) -> None:
    """Finds the rows of a training set that are copies of benchmark questions: by text, by image, by both.

    The page in the output folder shows them side by side; a run that was killed goes on with the same command.
    """
    from mmk12.curation.overlap import find_overlap
    from mmk12.curation.training_set import KNOWN
    from mmk12.utils.column_names import parse_column_names
    from mmk12.utils.progress import show_progress

    folder = out or Path("overlap") / Path(dataset.rstrip("/")).stem
    refs = [ref.strip() for ref in benchmarks.split(",") if ref.strip()]
    with show_progress(common.errors()) as progress:
        found = find_overlap(
            dataset,
            out=folder,
            raw_dir=raw_dir,
            benchmarks="all" if refs == ["all"] else refs,
            split=split,
            columns=parse_column_names(columns, KNOWN) if columns is not None else None,
            template=template,
            limit=limit,
            allow_missing=allow_missing,
            progress=progress,
        )
    _print_overlap(found, folder, as_json)


def _print_overlap(found: Overlap, folder: Path, as_json: bool) -> None:
    for name, reason in found.not_compared.items():
        common.print_note(f"NOT COMPARED with {name}: {reason}")
    for line in found.notes:
        common.print_note(line)
    common.show(make_overlap_table(found), found.model_dump(), as_json)
    if not as_json:
        share = f"{100 * found.share:.1f} %"
        typer.echo(f"{found.overlapping:,} of {found.compared:,} compared rows ({share}) are copies of a question")
        typer.echo(f"look at: {folder / 'overlap.html'}; all pairs: {folder / 'overlap.jsonl'}")


def make_overlap_table(found: Overlap) -> Table:
    """Makes the table of copies by benchmark: rows by what they share, and the questions that they copy."""
    rows = [
        (name, one.text, one.image, one.both, one.rows, 100 * one.rows / found.compared, one.copied, one.questions)
        for name, one in found.benchmarks.items()
    ]
    header = ("benchmark", "by text", "by image", "by both", "rows", "% of rows", "questions copied", "of")
    return Table(header, rows)


def make_funnel_table(build: Build) -> Table:
    """Makes the table of rows left after each stage, by source."""
    steps = list(next(iter(build.funnel.values()), {}))
    rows = [(name, *counts.values()) for name, counts in build.funnel.items()]
    if len(rows) > 1:
        rows.append(("all", *(sum(counts[step] for counts in build.funnel.values()) for step in steps)))
    return Table(("source", *steps), rows)


def make_plan_table(planned: Plan) -> Table:
    """Makes the table of a build's inputs, with location or what is missing.

    Sources have their requested and expected rows; benchmarks are those whose questions are removed.
    """
    rows = []
    for one in planned.sources:
        wanted = "all" if one.cap is None else str(one.cap)
        expected = "?" if one.expected is None else str(one.expected)
        rows.append((one.name, wanted, expected, one.source.license, describe_location(one)))
    for apart in planned.benchmarks:
        license_ = apart.benchmark.license
        rows.append((f"not in {apart.name}", "none", str(apart.benchmark.size), license_, describe_location(apart)))
    return Table(("source", "rows", "expected", "license", "read from"), rows)


def describe_location(one: PlannedSource | PlannedBenchmark) -> str:
    """Returns where a source or benchmark is read from, or what is missing."""
    return f"MISSING: {one.missing}" if one.missing else one.where


def make_gold_type_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Makes the table of golds and usable golds by type."""
    counts: dict[str, list[int]] = {}
    for row in rows:
        count = counts.setdefault(row["type"], [0, 0])
        count[0] += 1
        count[1] += row["usable"]
    types = [(name, *count) for name, count in sorted(counts.items())]
    return Table(("type", "golds", "usable"), [*types, ("all", len(rows), sum(row["usable"] for row in rows))])
