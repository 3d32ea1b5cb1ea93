"""Work on a stream with all cores: results in order, a bounded number of them ahead, so memory does not grow."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")

_BATCH = 8
"""Items that a thread takes at once."""
_AHEAD = 4
"""Batches per core that may be finished before their turn."""


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """`map` on all cores, for work that leaves Python to itself: decoding, hashing, reading.

    Items are taken from their iterator in the caller's thread.
    """
    with ThreadPoolExecutor(cores()) as pool:
        waiting: deque[Future[list[R]]] = deque()
        try:
            rest = iter(items)
            while batch := list(islice(rest, _BATCH)):
                waiting.append(pool.submit(_mapped, function, batch))
                if len(waiting) > _AHEAD * cores():
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def _mapped(function: Callable[[T], R], items: list[T]) -> list[R]:
    return [function(item) for item in items]
