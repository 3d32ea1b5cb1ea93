"""The command `mmk12 new`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmk12.cli.common import examples
from mmk12.errors import UnknownName

app = typer.Typer()


@app.command("new", epilog=examples("mmk12 new benchmark my_school"))
def new(
    category: Annotated[str, typer.Argument(help="benchmark.")],
    name: Annotated[str, typer.Argument(help="Its name: lower-case letters, digits and _.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder for the files.")] = Path("."),
) -> None:
    """Writes the beginning of a benchmark file, with an example row and its test."""
    from mmk12.datasets.scaffold import write_benchmark

    if category != "benchmark":
        raise UnknownName("category", category, ("benchmark",))
    file, test = write_benchmark(name, out)
    typer.echo(f"{file}: adapt the row, `rows` and `draft`; then: pytest {test}")
    typer.echo(f"then: mmk12 eval --model MODEL --benchmarks {file} --raw-dir RAW")
