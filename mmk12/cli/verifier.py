"""The command `mmk12 verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mmk12.cli import console
from mmk12.cli.options import Profile

app = typer.Typer()


@app.command(
    epilog="Rows: `id, response, gold` and optionally `question, choices, answer_type, precision`. "
    "Examples: `mmk12 verify responses.jsonl --out verdicts.jsonl` · `mmk12 verify responses.jsonl --explain --id 17`"
)
def verify(
    file: Annotated[Path, typer.Argument(help="JSONL file of responses and golds.")],
    profile: Profile = "strict",
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 1,
    out: Annotated[Path | None, typer.Option(help="JSONL file for the verdicts (default: standard output).")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show how one row is read and judged, and stop: the first, or --id.")
    ] = False,
    row_id: Annotated[str | None, typer.Option("--id", help="The row to explain.")] = None,
) -> None:
    """Judges responses against golds, one verdict a line, in the same order."""
    from mmk12.progress import shown
    from mmk12.verify_file import explain_row, verify_file

    if explain or row_id is not None:
        console.draw(explain_row(file, row_id, profile=profile).drawn())
        return
    with shown(console.errors()) as progress:
        counts = verify_file(file, out, profile=profile, workers=workers, progress=progress)
    console.note(", ".join(f"{status} {count}" for status, count in counts.items()) or "no rows")
