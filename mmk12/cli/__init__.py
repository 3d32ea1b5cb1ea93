"""The command line: each command parses its arguments, calls one function and prints. There is no logic here.

Results go to stdout, progress and notes to stderr; `--json` prints JSON for machines. `mmk12.__main__` sets the exit
code. Command bodies import what they run, so that `mmk12 --help` is fast.
"""

from __future__ import annotations

from typing import Annotated

import typer

from mmk12._version import __version__
from mmk12.cli import data, demo, evaluation, listing, reports, scaffold, training

app = typer.Typer(
    name="mmk12",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    rich_markup_mode="markdown",
    help="Reproducible multimodal reasoning by reinforcement learning: data, verifier, evaluation.\n\n"
    "Start with `mmk12 demo`: it needs no data, no network and no GPU.",
    epilog="Examples: `mmk12 demo` · `mmk12 list benchmarks` · `mmk12 eval --help`",
)
for _module in (demo, data, evaluation, training, reports, listing, scaffold):
    app.add_typer(_module.app)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass
