"""Progress of long work on stderr: a bar on a terminal, a plain line now and then in a log file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as RichProgress,
)
from rich.text import Text

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def show_progress(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A callback `(label, done, total)` that keeps one bar, or one line of text, per label."""
    if console.is_terminal:
        with _bars(console) as update:
            yield update
    else:
        yield _lines(console)


@contextmanager
def _bars(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeElapsedColumn())
    with RichProgress(*columns, TimeRemainingColumn(), console=console) as bars:
        tasks = {}

        def update(label: str, done: int, total: int) -> None:
            if label not in tasks:
                # What an earlier run has done says nothing about the speed of this one.
                tasks[label] = bars.add_task(label, total=total or None, completed=done)
            bars.update(tasks[label], completed=done, total=total or None)

        yield update


class _Rate(ProgressColumn):
    """Items a second, of late."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="progress.data.speed")


def _lines(console: Console) -> Callable[[str, int, int], None]:
    first: dict[str, tuple[float, int]] = {}
    last: dict[str, tuple[float, int]] = {}

    def update(label: str, done: int, total: int) -> None:
        now = time.monotonic()
        started, before = first.setdefault(label, (now, done))
        said, count = last.get(label, (float("-inf"), -1))
        finished = done >= total > count
        if finished or now - said >= _SECONDS_BETWEEN_LINES:
            speed = _speed(done - before, total - done, now - started)
            console.print(f"{label}: {done}" + (f" of {total}{speed}" if total else ""), highlight=False)
            last[label] = (now, done)

    return update


def _speed(done: int, left: int, seconds: float) -> str:
    """Throughput since this run began and the time to go by it; nothing before there is something to go by."""
    if done <= 0 or seconds < 1:
        return ""
    rate = done / seconds
    return f", {rate:.1f}/s" + (f", {timedelta(seconds=round(left / rate))} left" if left > 0 else "")


Progress = Callable[[str, int, int], None]
"""Called with (what is being done, done, total)."""


def ignore_progress(label: str, done: int, total: int) -> None:
    """The progress that shows nothing."""
