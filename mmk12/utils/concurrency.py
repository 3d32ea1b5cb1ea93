"""Processes a stream on all cores, with results in order and a bounded number of them in memory."""

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
"""Items that a thread takes at a time: waking a thread costs a tenth of decoding an image."""
_AHEAD = 3
"""Batches per core that may be in work or wait for their turn."""


def count_cores() -> int:
    """Returns the number of processors that this process may use, which a container can limit."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_in_threads(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Maps `function` over `items` on all cores, for work that releases the GIL: decoding, hashing, reading.

    Results come in the order of the items, which are read in the caller's thread. An error of `function` is raised
    after the results of the items before.
    """
    with ThreadPoolExecutor(count_cores()) as pool:
        waiting: deque[tuple[Future[None], list[R]]] = deque()
        iterator = iter(items)
        try:
            while batch := list(islice(iterator, _BATCH)):
                results: list[R] = []
                waiting.append((pool.submit(_apply, function, batch, results), results))
                if len(waiting) > _AHEAD * count_cores():
                    yield from _take_results(*waiting.popleft())
            while waiting:
                yield from _take_results(*waiting.popleft())
        finally:
            for future, _ in waiting:
                future.cancel()


def _apply(function: Callable[[T], R], items: list[T], results: list[R]) -> None:
    for item in items:
        results.append(function(item))


def _take_results(future: Future[None], results: list[R]) -> Iterator[R]:
    error = future.exception()
    yield from results
    if error is not None:
        raise error
