"""The command `mmk12 convert`: parse, convert, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmk12.cli import console

app = typer.Typer()


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
    from mmk12.progress import shown

    with shown(console.errors()) as progress:
        layout = converted(source, out, like, progress)
    if layout == "native":
        typer.echo(
            f"{out} is in transformers' layout.\nNext: mmk12 eval --model {out}, or mmk12 train RECIPE --model {out}"
        )
    else:
        typer.echo(f"{out} is in OpenGVLab's layout.\nNext: mmk12 eval --model {out} --backend vllm")
