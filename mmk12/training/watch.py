"""One line per training step while a job runs, read from verl's own log."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_SHOWN = {
    "loss": "train/loss",
    "reward": "critic/score/mean",
    "accuracy": "reward/acc/mean",
    "format": "reward/format/mean",
    "length": "response_length/mean",
    "truncated": "reward/truncated/mean",
}


class Log:
    """A metrics file that grows. Whole lines are read once; a torn one waits for its end."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def new(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """(step, metrics) of the lines that have come since the last call."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._read)
                chunk = file.read()
        except FileNotFoundError:
            return
        whole = chunk[: chunk.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # the run log reader of the analysis names such lines; here they only miss a line of progress
            if isinstance(row, dict) and isinstance(row.get("step"), int) and isinstance(row.get("data"), dict):
                yield row["step"], row["data"]


def line(step: int, metrics: Mapping[str, Any], total: int | None) -> str:
    """`step 12 of 429   reward 0.93   accuracy 0.61   …   41 s a step, 4 h 45 min to go`."""
    parts = [f"step {step}" + (f" of {total}" if total else "")]
    for name, key in _SHOWN.items():
        if isinstance(metrics.get(key), int | float):
            parts.append(f"{name} {metrics[key]:.0f}" if name == "length" else f"{name} {metrics[key]:.3f}")
    seconds = metrics.get("timing_s/step") or metrics.get("perf/time_per_step")
    if isinstance(seconds, int | float) and seconds > 0:
        left = f", {_duration(seconds * (total - step))} to go" if total and total > step else ""
        parts.append(f"{seconds:.0f} s a step{left}")
    return "   ".join(parts)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
