"""Shows the progress of long work on stderr: a bar on a terminal, plain lines at intervals in a log file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.progress import Progress as RichProgress

Progress = Callable[[str, int, int], None]
"""Called with (label of the work, items done, items in total)."""

_SECONDS_BETWEEN_LINES = 10.0


def ignore_progress(label: str, done: int, total: int) -> None:
    """Shows nothing."""


@contextmanager
def show_progress(console: Console) -> Iterator[Progress]:
    """Yields a `Progress` that shows one bar, or now and then one line of text, per label."""
    if console.is_terminal:
        with _bars(console) as update:
            yield update
    else:
        yield _lines(console)


@contextmanager
def _bars(console: Console) -> Iterator[Progress]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
    with RichProgress(*columns, TimeElapsedColumn(), TextColumn("elapsed"), console=console) as bars:
        tasks: dict[str, TaskID] = {}
        first: dict[str, tuple[float, int]] = {}

        def update(label: str, done: int, total: int) -> None:
            started, before = first.setdefault(label, (time.monotonic(), done))
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total or None, completed=done, speed="")
            # Work arrives in bursts, such as a batch of answers, so only the speed since the start can be believed.
            speed = _speed(done - before, total - done, time.monotonic() - started) if total else ""
            bars.update(tasks[label], completed=done, total=total or None, speed=speed.removeprefix(", "))

        yield update


def _lines(console: Console) -> Progress:
    first: dict[str, tuple[float, int]] = {}
    last: dict[str, tuple[float, int]] = {}

    def update(label: str, done: int, total: int) -> None:
        now = time.monotonic()
        started, before = first.setdefault(label, (now, done))
        printed, count = last.get(label, (float("-inf"), -1))
        finished = done >= total > count
        if finished or now - printed >= _SECONDS_BETWEEN_LINES:
            speed = _speed(done - before, total - done, now - started)
            console.print(f"{label}: {done}" + (f" of {total}{speed}" if total else ""), highlight=False)
            last[label] = (now, done)

    return update


def _speed(done: int, left: int, seconds: float) -> str:
    """Returns throughput since the start of this run and the estimated time left; empty before both are known."""
    if done <= 0 or seconds < 1:
        return ""
    rate = done / seconds
    return f", {rate:.1f}/s" + (f", {timedelta(seconds=round(left / rate))} left" if left > 0 else "")
