"""The command `mmk12 list`."""

from __future__ import annotations

from typing import Annotated

import typer

from mmk12 import tables
from mmk12.cli import console
from mmk12.cli.options import AsJson

app = typer.Typer()


@app.command("list", epilog="Example: `mmk12 list benchmarks --json`")
def list_(
    kind: Annotated[str, typer.Argument(help="benchmarks, sources, recipes, figures, prompts or profiles.")],
    as_json: AsJson = False,
) -> None:
    """Lists what can be named in other commands."""
    from mmk12.catalogue import catalogue

    rows = catalogue(kind)
    console.show(tables.catalogue(rows), rows, as_json)
