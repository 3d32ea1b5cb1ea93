"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
