"""How commands print: tables for people or JSON for machines on stdout, notes and progress on stderr."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.tree import Tree

    from mmk12.tables import Table

_WIDTH = 200
"""Of what goes into a file or a pipe, where nothing says how wide it may be."""


def show(table: Table, value: Any, as_json: bool) -> None:
    """Prints a table, or `value` as JSON in its place."""
    if as_json:
        typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
        return
    draw(table.drawn())


def draw(drawing: RichTable | Tree) -> None:
    """Prints what rich has drawn."""
    from rich.console import Console

    console = Console()
    (console if console.is_terminal else Console(width=_WIDTH)).print(drawing)


def note(text: str) -> None:
    """Tells of something beside the result."""
    typer.echo(f"note: {text}", err=True)


def errors() -> Console:
    """Where progress goes."""
    from rich.console import Console

    return Console(stderr=True)
