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

_BATCH = 4
"""Items that a thread takes at once: to wake one costs as much as a tenth of a picture."""
_AHEAD = 3
"""Batches per core that may be finished before their turn."""


def count_cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_threads(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """`map` on all cores, for work that leaves Python to itself: decoding, hashing, reading.

    Items are taken from their iterator in the caller's thread. An error comes after the results that stand before it.
    """
    with ThreadPoolExecutor(count_cores()) as pool:
        waiting: deque[tuple[Future[None], list[R]]] = deque()
        rest = iter(items)
        try:
            while batch := list(islice(rest, _BATCH)):
                results: list[R] = []
                waiting.append((pool.submit(_work, function, batch, results), results))
                if len(waiting) > _AHEAD * count_cores():
                    yield from _finished(*waiting.popleft())
            while waiting:
                yield from _finished(*waiting.popleft())
        finally:
            for future, _ in waiting:
                future.cancel()


def _work(function: Callable[[T], R], items: list[T], results: list[R]) -> None:
    for item in items:
        results.append(function(item))


def _finished(work: Future[None], results: list[R]) -> Iterator[R]:
    error = work.exception()
    yield from results
    if error is not None:
        raise error
