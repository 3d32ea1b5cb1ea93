"""The commands `mmk12 train`, `mmk12 merge` and `mmk12 convert`: parse, call, print."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mmk12.cli import common
from mmk12.cli.common import examples
from mmk12.utils import tables

if TYPE_CHECKING:
    from mmk12.training.preflight import PreflightCheck
    from mmk12.training.training_plan import TrainingPlan


app = typer.Typer()


@app.command(
    epilog=examples(
        "mmk12 train mm_eureka_8b --dry-run",
        "mmk12 train demo",
        "mmk12 train mm_eureka_8b --nodes 2 --gpus 8 --ray-address auto",
        "mmk12 train demo --out runs/kl train.kl=0.01 overrides.trainer.balance_batch=false",
    )
)
def train(
    recipe: Annotated[str, typer.Argument(help="Recipe name or path of a YAML file.")],
    changes: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Keys of the recipe.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of `mmk12 build-data` (default: data/RECIPE).")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Run folder (default: runs/train-RECIPE).")] = None,
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
    from mmk12.recipes.recipe_loader import apply_overrides, load_recipe
    from mmk12.training.training_plan import make_plan

    overrides = list(changes or [])
    overrides += [f"hardware.{key}={value}" for key, value in (("nodes", nodes), ("gpus", gpus)) if value is not None]
    chosen = apply_overrides(load_recipe(recipe), overrides)
    plan = make_plan(
        chosen,
        data=data or Path("data") / chosen.name,
        out=out or Path("runs") / f"train-{chosen.name}",
        model=model,
        must_exist=not dry_run,
    )
    if dry_run:
        _print_plan(plan, as_json)
    else:
        _launch(plan, resume, ray_address, wait)


@app.command(epilog=examples("mmk12 merge runs/train-demo runs/train-demo/model"))
def merge(
    checkpoint: Annotated[Path, typer.Argument(help="Run folder of `mmk12 train`, or one global_step_N.")],
    out: Annotated[Path, typer.Argument(help="Folder for the merged model.")],
    model: Annotated[
        str | None, typer.Option(help="Model that the training started from (default: the run's).")
    ] = None,
) -> None:
    """Merges a training checkpoint into a model folder, processor included, and lets the model answer one question.

    Of a run, the last step that verl finished. A merge that was killed goes on with the same command.
    """
    from mmk12.training.merge_checkpoint import merge_checkpoint

    merged = merge_checkpoint(checkpoint, out, model)
    found = merged.checkpoint
    step = found.shards if found.step is None else f"step {found.step} ({found.shards})"
    typer.echo(f"{out} holds {step} already" if merged.already else f"merged {step}")
    if found.unfinished:
        typer.echo(f"left out {', '.join(map(str, found.unfinished))}: verl's marker says that these are not finished")
    typer.echo(f"Next: mmk12 eval --model {out}")


@app.command(
    epilog=examples(
        "mmk12 convert OpenGVLab/InternVL2_5-8B models/internvl2_5-8b-hf",
        "mmk12 convert runs/train-x/model models/x-remote --like OpenGVLab/InternVL3-8B",
    )
)
def convert(
    source: Annotated[str, typer.Argument(metavar="SRC", help="Folder or hub id of an InternVL, in either layout.")],
    out: Annotated[Path, typer.Argument(metavar="DST", help="Folder for the model in the other layout.")],
    like: Annotated[
        str | None, typer.Option(help="Take tokenizer, processor and code from this checkpoint of the other layout.")
    ] = None,
) -> None:
    """Converts InternVL2.5 and 3 from OpenGVLab's layout into that of transformers and verl, or back.

    No number changes. Every tensor is used once; one that does not fit is named. A conversion that was killed goes on
    with the same command.
    """
    from mmk12.conversion.convert import convert as convert_model
    from mmk12.utils.progress import show_progress

    with show_progress(common.errors()) as progress:
        layout = convert_model(source, out, like, progress)
    if layout == "native":
        typer.echo(
            f"{out} is in transformers' layout.\nNext: mmk12 eval --model {out}, or mmk12 train RECIPE --model {out}"
        )
    else:
        typer.echo(f"{out} is in OpenGVLab's layout.\nNext: mmk12 eval --model {out} --backend vllm")


def _launch(plan: TrainingPlan, resume: bool, ray_address: str | None, wait: float) -> None:
    from mmk12.training.launcher import launch_training
    from mmk12.training.preflight import run_preflight
    from mmk12.utils.progress import show_progress

    with show_progress(common.errors()) as progress:
        plan, nodes = run_preflight(
            plan, ray_address=ray_address, deadline=wait, report=_print_check, say=typer.echo, progress=progress
        )
    attempt = launch_training(plan, resume=resume, ray_address=ray_address, nodes=nodes, say=typer.echo)
    merged = plan.out / "model"
    typer.echo(
        f"Trained: {plan.out / 'checkpoints'}\n"
        f"Log: {attempt.metrics}, samples: {plan.out / 'rollouts'}\n"
        f"Next: mmk12 merge {plan.out} {merged}, then mmk12 eval --model {merged}"
    )


def _print_check(check: PreflightCheck) -> None:
    typer.echo(f"{'pass' if check.passed else 'FAIL'}  {check.name}: {check.message}")


def _print_plan(plan: TrainingPlan, as_json: bool) -> None:
    import shlex

    import yaml

    if as_json:
        typer.echo(json.dumps(_plan_json(plan), ensure_ascii=False, indent=2))
        return
    typer.echo(yaml.safe_dump(plan.resolved(), sort_keys=False, allow_unicode=True))
    typer.echo(_describe_steps(plan))
    typer.echo(_describe_memory(plan))
    changes = [(key, str(default), str(value)) for key, default, value in plan.changes]
    common.print_table(tables.Table(("verl key", "verl's default", "here"), changes).to_rich())
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
        return "memory: unknown until the model's config.json is on this machine"
    rollouts = (
        f"during rollouts: {memory.engine:.1f} GiB of engine weights and {memory.beside:.1f} of the trainer\n"
        if memory.engine
        else ""
    )
    return (
        f"memory of one GPU during an update: about {memory.update:.1f} GiB (weights {memory.weights:.1f}, "
        f"gradients {memory.gradients:.1f}, optimiser {memory.optimiser:.1f}, whole layers {memory.unsharded:.1f}, "
        f"activations {memory.activations:.1f})\n{rollouts}"
        f"main memory of a node: {memory.host:.1f} GiB, without the pixels of a step\n"
        f"{memory.trained / 1e9:.2f} of {memory.parameters / 1e9:.2f} billion parameters are trained"
    )


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
