"""The history of measured ratios: `perf/history.jsonl`, one ratio a line.

`make bench` appends to it and prints each new ratio beside the median of the earlier ones from machines of the same
class. Ratios are compared, never seconds: the peer or the limit ran in the same process on the same machine.
"""

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from mmk12 import __version__
from mmk12.utils.concurrency import count_cores
from mmk12.utils.storage import read_jsonl
from mmk12.utils.tables import Table

HISTORY = Path(__file__).with_name("history.jsonl")
RATIO_COLUMNS = ("ratio", "ours is … times", "of the limit")
KEPT = 9
"""How many earlier ratios the median is taken of."""


def machine_class() -> str:
    """What decides how ratios compare, and nothing that names the machine: cores, architecture, Python, system."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = ".".join(platform.python_version_tuple()[:2])
    return f"{count_cores()} cores, {memory:.0f} GB, {platform.machine()}, Python {python}, {platform.system()}"


def commit() -> str:
    """The commit that was measured, with a plus sign where the work tree differs from it; "unknown" outside git."""
    described = ["git", "describe", "--always", "--dirty=+", "--abbrev=10", "--exclude=*"]
    done = subprocess.run(described, cwd=HISTORY.parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def ratios_of(table: Table) -> dict[str, float]:
    """The ratios of a printed table by the text of their row, but for rows that are the unit of the others."""
    columns = [number for number, name in enumerate(table.header) if name in RATIO_COLUMNS]
    if not columns:
        return {}
    [ratio] = columns
    named = range(2) if table.header[1] == "grader" else range(1)
    cells = {" / ".join(str(row[number]) for number in named): row[ratio] for row in table.rows}
    return {name: float(cell) for name, cell in cells.items() if cell not in ("1.00", "–")}


def record(benchmark: str, ratios: Mapping[str, float], path: Path = HISTORY) -> Table:
    """Appends `ratios` to the history and returns them beside the median of the earlier ones on such a machine."""
    machine = machine_class()
    earlier: dict[str, list[float]] = {}
    if path.exists():
        for row in read_jsonl(path):
            if isinstance(row, dict) and (row["benchmark"], row["machine"]) == (benchmark, machine):
                earlier.setdefault(row["name"], []).append(row["ratio"])
    date, measured = datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"), commit()
    with open(path, "a", encoding="utf-8") as file:
        for name, ratio in ratios.items():
            row = {"date": date, "commit": measured, "version": __version__, "machine": machine}
            row |= {"benchmark": benchmark, "name": name, "ratio": round(ratio, 4)}
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    lines = []
    for name, ratio in ratios.items():
        past = earlier.get(name, [])[-KEPT:]
        before = statistics.median(past) if past else None
        change = "first" if before is None else f"{100 * (ratio / before - 1):+.0f} %"
        lines.append((benchmark, name, f"{ratio:.2f}", "–" if before is None else f"{before:.2f}", len(past), change))
    return Table(("benchmark", "name", "ratio now", "median before", "n", "change"), lines)
