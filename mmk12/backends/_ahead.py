"""Prompts made ready in a thread of their own, while the engine works on earlier ones.

Decoding a picture, cutting it into tiles and tokenising keep one core busy for a third of the time that a small model
needs to answer. One thread, as in vLLM's own server: its picture cache counts on a fixed order. Results are taken in
the order of asking and waited for, so what an engine is given at which step does not depend on how fast the thread was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

from mmk12.types import Request

Ready = TypeVar("Ready")


class Ahead(Generic[Ready]):
    """`prepare` of each request that was put, in order, at most `most` of them before their turn.

    Its length is the number of requests not yet taken.
    """

    def __init__(self, prepare: Callable[[Request], Ready], most: int) -> None:
        self._prepare, self._most = prepare, most
        self._thread = ThreadPoolExecutor(1, "mmk12-ahead")
        self._started: deque[tuple[Request, Future[Ready]]] = deque()
        self._waiting: deque[Request] = deque()

    def __len__(self) -> int:
        return len(self._started) + len(self._waiting)

    def put(self, request: Request) -> None:
        """Asks for a request to be made ready."""
        self._waiting.append(request)
        self._start()

    def take(self) -> tuple[Request, Future[Ready]]:
        """The next request and what is made of it; to wait for that, and for its error, is left to the caller."""
        taken = self._started.popleft()
        self._start()
        return taken

    def anew(self, forget: Callable[[], None]) -> None:
        """Calls `forget` while the thread rests, then makes everything ready once more that was not taken."""
        for _, future in self._started:
            future.cancel()
        self._thread.submit(forget).result()
        self._waiting.extendleft(request for request, _ in reversed(self._started))
        self._started.clear()
        self._start()

    def _start(self) -> None:
        while self._waiting and len(self._started) < self._most:
            request = self._waiting.popleft()
            self._started.append((request, self._thread.submit(self._prepare, request)))
