"""Lists the runs below a folder: evaluations, trainings and builds, finished or not, on one page.

What cannot be read is a row that says so. A run that has not finished is shown as far as it is: an evaluation by the
answers it has, a training by its steps. Nothing is written into the runs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from mmk12.errors import MissingData, Mmk12Error
from mmk12.evaluation.run_folder import EvalRun
from mmk12.run_report.page import RunConfig
from mmk12.runlog import read_run
from mmk12.utils import storage, templating

Kind = Literal["evaluation", "training", "build"]
State = Literal["finished", "partial", "going on", "not finished", "cannot be read"]

MAX_FOLDERS = 20_000
"""Folders that are looked into at most; a page that had to stop there says so."""
_QUIET_SECONDS = 600
"""A run without an end that wrote nothing for so long is taken to have been stopped."""
_INNER = {"attempts", "checkpoints", "figures", "images", "rollouts", "thumbnails"}
"""Folders of a run in which no other run lies."""
_POINTS = 60


@dataclass(frozen=True, slots=True)
class RunRow:
    """A line of the index: a run, or one benchmark of an evaluation.

    `started` is in ISO 8601, UTC. `seconds` is the time worked, without pauses between calls. `accuracy` is a fraction,
    of a training that of its last tenth of steps. `curve` has points of the accuracy over training, from 0 to 1.
    """

    folder: str
    kind: Kind
    state: State
    model: str = ""
    about: str = ""
    n: int | None = None
    accuracy: float | None = None
    ci95: tuple[float, float] | None = None
    started: str = ""
    seconds: float | None = None
    page: str = ""
    note: str = ""
    curve: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class RunIndex:
    """The runs below a folder, the newest first, and whether the search had to stop early."""

    rows: list[RunRow]
    complete: bool


def list_runs(folder: Path) -> RunIndex:
    """Lists the runs in `folder` and below it. Raises `MissingData` if it is no folder, or holds no run."""
    if not folder.is_dir():
        raise MissingData(f"{folder} is not a folder. Name the folder of your runs: mmk12 view runs")
    rows, complete = list[RunRow](), True
    for count, (path, kind) in enumerate(_find_runs(folder)):
        if count == MAX_FOLDERS:
            complete = False
            break
        if kind is not None:
            rows += _read_rows(path, kind, folder)
    if not rows:
        raise MissingData(f"There is no run in {folder}. Make one with: mmk12 eval --model demo --benchmarks demo")
    return RunIndex(sorted(rows, key=lambda row: row.started, reverse=True), complete)


def _find_runs(folder: Path) -> Iterator[tuple[Path, Kind | None]]:
    """Yields the folders below a folder, each with the kind of run that it is. Links to folders are not followed."""
    for place, inner, files in os.walk(folder):
        path = Path(place)
        kind: Kind | None = None
        if "run.json" in files:
            kind = "evaluation"
        elif "resolved.yaml" in files or "attempts" in inner:
            kind = "training"
        elif "manifest.json" in files:
            kind = "build"
        inner[:] = sorted(name for name in inner if not name.startswith(".") and not (kind and name in _INNER))
        yield path, kind


def _read_rows(path: Path, kind: Kind, root: Path) -> list[RunRow]:
    name = path.relative_to(root).as_posix()
    shown = name if name != "." else path.resolve().name
    page = f"{name}/report.html" if (path / "report.html").is_file() else ""
    readers = {"evaluation": _read_evaluation, "training": _read_training, "build": _read_build}
    try:
        return [RunRow(folder=shown, kind=kind, page=page, **facts) for facts in readers[kind](path)]
    except Mmk12Error as error:
        return [RunRow(folder=shown, kind=kind, state="cannot be read", note=str(error))]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [RunRow(folder=shown, kind=kind, state="cannot be read", note=f"a file of it is damaged: {error}")]


def _read_evaluation(path: Path) -> Iterator[Mapping[str, Any]]:
    run = EvalRun(path)
    settings = run.settings()
    attempts = [(attempt.started, attempt.finished) for attempt in settings.attempts]
    facts: dict[str, Any] = {
        "model": settings.model,
        "started": attempts[0][0] if attempts else "",
        "seconds": sum(_seconds(start, end) for start, end in attempts if end) if attempts else None,
    }
    ended = (path / "results.json").is_file() and all(end for _, end in attempts[-1:])
    if not ended:
        asked = sum(item.items for item in settings.benchmarks.values()) * settings.n
        given = _count_lines(path / "completions.jsonl")
        note = f"{given:,} of {asked:,} answers"
        yield facts | {"about": ", ".join(settings.benchmarks), "n": asked, "state": _going_on(path), "note": note}
        return
    for name, result in run.results().benchmarks.items():
        yield facts | {
            "about": name,
            "n": result.n,
            "accuracy": result.accuracy,
            "ci95": result.ci95,
            "state": "partial" if result.partial else "finished",
            "note": result.mark,
        }


def _read_training(path: Path) -> Iterator[Mapping[str, Any]]:
    config = RunConfig.load(path)
    launches = [_read_launch(folder) for folder in sorted((path / "attempts").glob("[0-9][0-9][0-9]"))]
    total = next((int(value) for key, value in config.settings if key in ("steps", "train.steps") and value), None)
    facts: dict[str, Any] = {
        "model": config.model,
        "about": config.about,
        "started": launches[0][0] if launches else "",
        "seconds": sum(seconds for start, seconds in launches if start)
        if any(start for start, _ in launches)
        else None,
    }
    try:
        table = read_run(path).table
    except MissingData:
        yield facts | {"state": _going_on(path), "note": "no step yet"}
        return
    last = int(table.index.max())
    accuracy = table["accuracy"].dropna() if "accuracy" in table else table.iloc[:0, :0].sum(axis=1)
    tail = accuracy.tail(max(1, len(accuracy) // 10))
    picked = accuracy.iloc[:: max(1, len(accuracy) // _POINTS)]
    yield facts | {
        "n": last,
        "accuracy": float(tail.mean()) if len(tail) else None,
        "state": "finished" if total is not None and last >= total else _going_on(path),
        "note": f"step {last:,}" + (f" of {total:,}" if total else ""),
        "curve": tuple(zip((picked.index / max(1, last)).tolist(), picked.tolist(), strict=True)),
    }


def _read_launch(folder: Path) -> tuple[str, float]:
    """Returns when a launch of a training started, and the seconds from then to its last step."""
    path = folder / "env.json"
    value = storage.read_json(path) if path.is_file() else {}
    started = str(value.get("started") or "") if isinstance(value, dict) else ""
    metrics = folder / "metrics.jsonl"
    if not started or not metrics.is_file():
        return started, 0.0
    return started, max(0.0, metrics.stat().st_mtime - datetime.fromisoformat(started).timestamp())


def _read_build(path: Path) -> Iterator[Mapping[str, Any]]:
    manifest = storage.read_json(path / "manifest.json")
    if not isinstance(manifest, dict):
        raise ValueError("manifest.json is no record of a build")
    left = [list(steps.values())[-1] for steps in manifest["sources"].values() if steps]
    written = datetime.fromtimestamp((path / "manifest.json").stat().st_mtime, UTC)
    yield {
        "about": str(manifest["recipe"]["name"]),
        "n": sum(left),
        "started": written.isoformat(timespec="seconds"),
        "state": "partial" if manifest["missing"] or manifest["limit"] is not None else "finished",
        "note": f"{len(left)} source{'s' * (len(left) != 1)}",
    }


def _going_on(path: Path) -> State:
    """Returns the state of a run without an end, from the time of its last written file."""
    names = ("completions.jsonl", "run.json", "attempts/*/metrics.jsonl", "attempts/*/console.log")
    times = [file.stat().st_mtime for name in names for file in path.glob(name)]
    return "going on" if times and time.time() - max(times) < _QUIET_SECONDS else "not finished"


def _count_lines(path: Path) -> int:
    if not path.is_file():
        return 0
    with open(path, "rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def render_index(index: RunIndex, folder: Path, *, live: bool = False) -> str:
    """Returns the page of an index; one that is `live` loads itself again while runs go on."""
    script = templating.render_template("index.js")
    return templating.render_template(
        "index.html.j2",
        folder=str(folder),
        rows=index.rows,
        complete=index.complete,
        live=live and any(row.state == "going on" for row in index.rows),
        script=script,
    )


def write_index(folder: Path, out: Path) -> RunIndex:
    """Writes the index of the runs below `folder` to `out`; its links hold while `out` lies in `folder`."""
    index = list_runs(folder)
    storage.write_text(out, render_index(index, folder))
    return index


def to_json(index: RunIndex) -> list[dict[str, Any]]:
    """Returns the rows as JSON objects, without curves and pages."""
    keys = ("folder", "kind", "state", "model", "about", "n", "accuracy", "ci95", "started", "seconds", "note")
    rows = [{key: getattr(row, key) for key in keys} for row in index.rows]
    return list(json.loads(json.dumps(rows)))
