"""What commands share: options, and printing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as RichTable
from rich.tree import Tree

from mmk12.utils.tables import Table

# Printing: tables for people or JSON for machines on stdout, notes and progress on stderr.

_WIDTH = 200
"""Columns of output into a file or a pipe."""


def show(table: Table, value: Any, as_json: bool) -> None:
    """Prints a table, or instead `value` as JSON."""
    if as_json:
        typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
        return
    print_table(table.to_rich())


def print_table(drawing: RichTable | Tree) -> None:
    """Prints a table or tree of rich."""
    console = Console()
    (console if console.is_terminal else Console(width=_WIDTH)).print(drawing)


def print_note(text: str) -> None:
    """Prints a note about the result to stderr."""
    typer.echo(f"note: {text}", err=True)


def errors() -> Console:
    """Returns the console on stderr, for progress."""
    return Console(stderr=True)


def examples(*lines: str, note: str = "") -> str:
    """Returns the end of a help page: a line per example, each a command that can be pasted."""
    return "\n\n".join((*([note] if note else []), "Examples:", *(f"`{line}`" for line in lines)))


# Options.

MODEL, DATA, OUTPUT, ENGINE = "Model", "Data", "Output", "Engine: how the model is run"
"""The panels of help pages with many options, in this order."""

RawDir = Annotated[
    Path | None,
    typer.Option(help="Folder with one subfolder per dataset, in its upstream layout.", rich_help_panel=DATA),
]
AllowMissing = Annotated[
    bool,
    typer.Option("--allow-missing", help="Continue without missing datasets, and name them.", rich_help_panel=DATA),
]
Limit = Annotated[int | None, typer.Option(min=1, help="Only the first N rows of each dataset.", rich_help_panel=DATA)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.", rich_help_panel=OUTPUT)]
Columns = Annotated[
    str | None,
    typer.Option(help="Columns of a table in no known format: response=NAME,gold=NAME,id=NAME.", rich_help_panel=DATA),
]
Profile = Annotated[str, typer.Option(help="Verifier profile; see `mmk12 list profiles`.")]
Fallback = Annotated[
    str | None, typer.Option(metavar="sympy", help="Who compares what the rules cannot read (integrals, sums, limits).")
]
JudgeRef = Annotated[
    str | None,
    typer.Option(
        "--judge", metavar="URL#MODEL", help="A language model whose opinion is shown beside the rules' verdict."
    ),
]
ReplicaCount = Annotated[
    int, typer.Option("--replicas", min=1, help="Replicas of the model that share the work.", rich_help_panel=ENGINE)
]
TensorParallel = Annotated[int, typer.Option(min=1, help="Devices per replica (vLLM).", rich_help_panel=ENGINE)]
RayAddress = Annotated[
    str | None,
    typer.Option(help="Ray cluster for replicas, or `auto` (default: this machine).", rich_help_panel=ENGINE),
]
EngineOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--engine",
        metavar="KEY=VALUE",
        help="Argument of the engine itself, such as max_model_len=8192.",
        rich_help_panel=ENGINE,
    ),
]
