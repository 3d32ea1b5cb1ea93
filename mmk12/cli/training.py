"""The commands `mmk12 train` and `mmk12 merge`: parse, plan, check, launch, print."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmk12.cli import common
from mmk12.utils import tables

if TYPE_CHECKING:
    from mmk12.training.cluster import Node
    from mmk12.training.plan import TrainingPlan
    from mmk12.training.preflight import PreflightCheck


app = typer.Typer()


@app.command(
    epilog="Examples: `mmk12 train mm_eureka_8b --dry-run` · `mmk12 train demo` (this machine, no GPU, minutes) · "
    "`mmk12 train mm_eureka_8b --nodes 2 --gpus 8 --ray-address auto` · "
    "`mmk12 train demo --out runs/kl train.kl=0.01 overrides.trainer.balance_batch=false`"
)
def train(
    recipe: Annotated[str, typer.Argument(help="Recipe name or path of a YAML file.")],
    changes: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Keys of the recipe.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of `mmk12 build-data` (default: data/RECIPE).")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder (default: runs/train-RECIPE).")] = None,
    model: Annotated[str | None, typer.Option(help="Start from this hub id or folder instead.")] = None,
    nodes: Annotated[int | None, typer.Option(min=1, help="Nodes (default: the recipe's).")] = None,
    gpus: Annotated[int | None, typer.Option(min=1, help="GPUs per node (default: the recipe's).")] = None,
    ray_address: Annotated[str | None, typer.Option(help="Ray cluster, or `auto` (default: this machine).")] = None,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait for the cluster's nodes.")] = 600.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would run, and stop.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint of --out.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --dry-run: print JSON.")] = False,
) -> None:
    """Trains a model by reinforcement learning with verl, as a recipe says."""
    from mmk12.recipes.loader import apply_overrides, load_recipe
    from mmk12.training.plan import make_plan

    given = list(changes or [])
    given += [f"hardware.{key}={value}" for key, value in (("nodes", nodes), ("gpus", gpus)) if value is not None]
    chosen = apply_overrides(load_recipe(recipe), given)
    plan = make_plan(
        chosen,
        data=data or Path("data") / chosen.name,
        out=out or Path("runs") / f"train-{chosen.name}",
        model=model,
        must_exist=not dry_run,
    )
    if dry_run:
        _show_plan(plan, as_json)
        return
    _run(plan, resume, ray_address, wait)


@app.command(epilog="Example: `mmk12 merge runs/train-demo runs/train-demo/model`")
def merge(
    checkpoint: Annotated[Path, typer.Argument(help="Run folder of `mmk12 train`, or one global_step_N.")],
    out: Annotated[Path, typer.Argument(help="Folder for the merged model.")],
    model: Annotated[str | None, typer.Option(help="What it started from (default: what the run says).")] = None,
) -> None:
    """Makes a model folder of a training checkpoint, with processor, and has it answer one question."""
    from mmk12.training.merge_checkpoint import merge_checkpoint as merged

    typer.echo(f"merged {merged(checkpoint, out, model)}\nNext: mmk12 eval --model {out}")


def _run(plan: TrainingPlan, resume: bool, ray_address: str | None, wait: float) -> None:
    from mmk12.training import cluster
    from mmk12.training.launcher import launch_training as launch

    joined = _preflight(plan, ray_address, wait)
    attempt = launch(
        plan,
        resume=resume,
        ray_address=ray_address,
        lost=lambda: cluster.find_lost_nodes(joined) if joined else (),
        say=typer.echo,
    )
    merged = plan.out / "model"
    typer.echo(
        f"Trained: {plan.out / 'checkpoints'}\n"
        f"Log: {attempt.metrics}, samples: {plan.out / 'rollouts'}\n"
        f"Next: mmk12 merge {plan.out} {merged}, then mmk12 eval --model {merged}"
    )


def _preflight(plan: TrainingPlan, ray_address: str | None, wait: float) -> list[Node]:
    """The nodes of the cluster that the job will run on; none for a job on this machine alone."""
    from mmk12.errors import ModelError
    from mmk12.training import cluster, preflight
    from mmk12.utils.progress import show_progress

    arguments = (
        str((plan.data / "train.parquet").absolute()),
        str((plan.out / "checkpoints").absolute()),
        preflight.checkpoint_bytes(plan),
    )
    joined: list[Node] = []
    if ray_address is None:
        checks = _describe(preflight.check_node(*arguments))
    else:
        joined = cluster.join_cluster(ray_address, plan.recipe.hardware, wait, typer.echo)
        checks = _describe(cluster.check_nodes(joined, *arguments))
    with show_progress(common.errors()) as progress:
        checks += _describe(preflight.check_experiment(plan, progress))
    failed = [check for check in checks if not check.passed]
    if failed:
        raise ModelError(f"{len(failed)} of {len(checks)} checks failed: {failed[0].name}: {failed[0].told}")
    return joined


def _describe(checks: Iterable[PreflightCheck]) -> list[PreflightCheck]:
    """The checks, each printed as it is done."""
    done = []
    for check in checks:
        typer.echo(f"{'pass' if check.passed else 'FAIL'}  {check.name}: {check.told}")
        done.append(check)
    return done


def _show_plan(plan: TrainingPlan, as_json: bool) -> None:
    import shlex

    import yaml

    if as_json:
        typer.echo(json.dumps(_plan_json(plan), ensure_ascii=False, indent=2))
        return
    typer.echo(yaml.safe_dump(plan.resolved(), sort_keys=False, allow_unicode=True))
    typer.echo(_describe_steps(plan))
    typer.echo(_describe_memory(plan))
    common.print_table(tables.Table(("verl key", "verl's default", "here"), _parse_overrides(plan)).to_rich())
    typer.echo(shlex.join(plan.command()))


def _describe_steps(plan: TrainingPlan) -> str:
    steps = plan.steps
    rows = "no data yet" if plan.rows is None else f"{plan.rows:,} rows"
    total = "as many steps as the data gives" if steps.total is None else f"{steps.total:,} steps"
    return (
        f"{rows}: {total} of {steps.samples_per_step:,} rollouts, "
        f"{steps.updates_per_step} updates a step ({steps.prompts_per_update} prompts each)"
    )


def _describe_memory(plan: TrainingPlan) -> str:
    memory = plan.memory
    if memory is None:
        return "memory: not known before the model's config.json is on this machine"
    return (
        f"memory of one GPU during an update: about {memory.update:.1f} GiB (weights {memory.weights:.1f}, "
        f"gradients {memory.gradients:.1f}, optimiser {memory.optimiser:.1f}, activations {memory.activations:.1f}); "
        f"{memory.trained / 1e9:.2f} of {memory.parameters / 1e9:.2f} billion parameters are trained"
    )


def _parse_overrides(plan: TrainingPlan) -> list[tuple[Any, ...]]:
    return [(key, str(default), str(value)) for key, default, value in plan.changes]


def _plan_json(plan: TrainingPlan) -> dict[str, Any]:
    return {
        "recipe": plan.resolved(),
        "command": plan.command(),
        "keys": dict(plan.keys),
        "steps": {
            "rows": plan.rows,
            "total": plan.steps.total,
            "samples_per_step": plan.steps.samples_per_step,
            "updates_per_step": plan.steps.updates_per_step,
        },
        "memory_gib": round(plan.memory.update, 2) if plan.memory else None,
        "changes": [{"key": key, "default": default, "here": value} for key, default, value in plan.changes],
    }


# The command `mmk12 convert`: parse, convert, print.


@app.command(
    epilog="Examples: `mmk12 convert OpenGVLab/InternVL2_5-8B models/internvl2_5-8b-hf` · "
    "`mmk12 convert runs/train-x/model models/x-remote --like OpenGVLab/InternVL3-8B`"
)
def convert(
    source: Annotated[str, typer.Argument(metavar="SRC", help="Folder or hub id of an InternVL, in either layout.")],
    out: Annotated[Path, typer.Argument(metavar="DST", help="Folder for the model in the other layout.")],
    like: Annotated[
        str | None, typer.Option(help="Take tokenizer, processor and code from this checkpoint of the other layout.")
    ] = None,
) -> None:
    """Turns InternVL2.5 and 3 from OpenGVLab's layout into that of transformers and verl, or back.

    No number changes; every tensor is used once, or the one that does not fit is named. A conversion that was killed
    goes on with the same command.
    """
    from mmk12.conversion.convert import convert as converted
    from mmk12.utils.progress import show_progress

    with show_progress(common.errors()) as progress:
        layout = converted(source, out, like, progress)
    if layout == "native":
        typer.echo(
            f"{out} is in transformers' layout.\nNext: mmk12 eval --model {out}, or mmk12 train RECIPE --model {out}"
        )
    else:
        typer.echo(f"{out} is in OpenGVLab's layout.\nNext: mmk12 eval --model {out} --backend vllm")
