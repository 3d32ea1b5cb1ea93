"""The command line: each module parses, calls one function and prints. No logic lives here.

Results go to stdout, progress and notes to stderr; `--json` prints what a machine can read. Exit codes are the
business of `mmk12.__main__`.
"""

from __future__ import annotations

from typing import Annotated

import typer

from mmk12._version import __version__
from mmk12.cli import analysis, data, demo, evaluation, listing, training

app = typer.Typer(
    name="mmk12",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Reproducible multimodal reasoning by reinforcement learning: data, verifier, evaluation.\n\n"
    "Start with `mmk12 demo`: it needs no data, no network and no GPU.",
)
for _part in (demo, data, evaluation, training, analysis, listing):
    app.add_typer(_part.app)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    pass
