"""Progress of long work on stderr: a bar on a terminal, a plain line now and then in a log file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def shown(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """A callback `(label, done, total)` that keeps one bar, or one line of text, per label."""
    if console.is_terminal:
        with _bars(console) as update:
            yield update
    else:
        yield _lines(console)


@contextmanager
def _bars(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bars:
        tasks = {}

        def update(label: str, done: int, total: int) -> None:
            if label not in tasks:
                tasks[label] = bars.add_task(label, total=total)
            bars.update(tasks[label], completed=done, total=total or None)

        yield update


def _lines(console: Console) -> Callable[[str, int, int], None]:
    last: dict[str, tuple[float, int]] = {}

    def update(label: str, done: int, total: int) -> None:
        now = time.monotonic()
        said, count = last.get(label, (float("-inf"), -1))
        finished = done >= total > count
        if finished or now - said >= _SECONDS_BETWEEN_LINES:
            console.print(f"{label}: {done}" + (f" of {total}" if total else ""), highlight=False)
            last[label] = (now, done)

    return update
