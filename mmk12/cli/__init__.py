"""The command line: each command parses its arguments, calls one function and prints. There is no logic here.

Results go to stdout, progress and notes to stderr; `--json` prints JSON for machines. `mmk12.__main__` sets the exit
code. Command bodies import what they run, so that `mmk12 --help` is fast.
"""

from __future__ import annotations

from typing import Annotated

import typer

from mmk12._version import __version__
from mmk12.cli import data, demo, doctor, evaluation, listing, new, reports, training
from mmk12.cli.common import examples

app = typer.Typer(
    name="mmk12",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
    help="Reproducible multimodal reasoning by reinforcement learning: data, verifier, evaluation.\n\n"
    "Start with `mmk12 demo`: it needs no data, no network and no GPU.",
    epilog=examples("mmk12 demo", "mmk12 list benchmarks", "mmk12 eval --help"),
)
for _module in (demo, doctor, data, evaluation, training, reports, listing, new):
    app.add_typer(_module.app)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(__version__)
        raise typer.Exit


_TOUR = """\
mmk12: multimodal reasoning by reinforcement learning, from data to numbers

Try it, with no data, no network and no GPU:
  mmk12 doctor                                      what this machine has, and what to install
  mmk12 demo                                        everything on two small models, in some minutes

Measure a model:
  mmk12 eval -m demo --benchmarks demo              accuracy, error bars, and a page of every item
  mmk12 compare runs/a runs/b --out compare.html    what one model gained and lost against another
  mmk12 view                                        all your runs on one page

Train a model:
  mmk12 build-data demo --out data/demo             a training mixture, with a reason for each row left out
  mmk12 train demo --dry-run                        the plan: steps, memory, verl's own settings
  mmk12 report runs/train-demo                      its curves, rewards and rollouts

Names to use: mmk12 list benchmarks (or suites, sources, recipes, figures, prompts, profiles)
Help: mmk12 -h, mmk12 eval -h. Completion of your shell: mmk12 --install-completion"""


@app.callback()
def _main(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(_TOUR)
