"""The command `mmk12 doctor`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import typer

from mmk12.cli import common
from mmk12.cli.common import AsJson, examples
from mmk12.utils.tables import Table

app = typer.Typer()


@app.command(epilog=examples("mmk12 doctor", "mmk12 doctor --json"))
def doctor(as_json: AsJson = False) -> None:
    """Looks at this machine: versions, extras, GPUs, hub cache, disk, and what to install for which command.

    Exits with 1 if something will fail. An extra that is absent is no failure.
    """
    from mmk12.utils.machine import examine

    findings = examine(Path())
    rows = [(one.name, one.state, one.found, one.advice) for one in findings]
    common.show(Table(("what", "state", "found", "what to do"), rows), [asdict(one) for one in findings], as_json)
    if any(one.state == "problem" for one in findings):
        raise typer.Exit(1)
