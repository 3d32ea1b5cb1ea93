"""Options that several commands share."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.tree import Tree

    from mmk12.utils.tables import Table


# How commands print: tables for people or JSON for machines on stdout, notes and progress on stderr.


_WIDTH = 200
"""Of what goes into a file or a pipe, where nothing says how wide it may be."""


def show(table: Table, value: Any, as_json: bool) -> None:
    """Prints a table, or `value` as JSON in its place."""
    if as_json:
        typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
        return
    print_table(table.to_rich())


def print_table(drawing: RichTable | Tree) -> None:
    """Prints what rich has drawn."""
    from rich.console import Console

    console = Console()
    (console if console.is_terminal else Console(width=_WIDTH)).print(drawing)


def print_note(text: str) -> None:
    """Tells of something beside the result."""
    typer.echo(f"note: {text}", err=True)


def errors() -> Console:
    """Where progress goes."""
    from rich.console import Console

    return Console(stderr=True)


RawDir = Annotated[Path | None, typer.Option(help="Folder with one subfolder per dataset, in its upstream layout.")]
AllowMissing = Annotated[
    bool, typer.Option("--allow-missing", help="Go on without data that is not there, and say so.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N rows of each dataset.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Profile = Annotated[str, typer.Option(help="Verifier profile; see `mmk12 list profiles`.")]
JudgeRef = Annotated[
    str | None,
    typer.Option(
        "--judge", metavar="URL#MODEL", help="A language model's second opinion, beside the verdict of the rules."
    ),
]
ReplicaCount = Annotated[int, typer.Option("--replicas", min=1, help="Copies of the model that share the work.")]
TensorParallel = Annotated[int, typer.Option(min=1, help="Devices that hold one copy (vLLM).")]
RayAddress = Annotated[str | None, typer.Option(help="Ray cluster for the copies, or `auto` (default: this machine).")]
EngineOptions = Annotated[
    list[str] | None,
    typer.Option("--engine", metavar="KEY=VALUE", help="Argument of the engine itself, such as max_model_len=8192."),
]
