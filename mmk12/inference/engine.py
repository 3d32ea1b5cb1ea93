"""How requests reach a local engine: as many at a time as it holds, a new one for every one that is answered.

Never slice by slice: a slice waits for its longest response. And never all at once: every waiting request keeps
its decoded pictures in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

from mmk12.types import Backend, Completion, GenerationFailure, Request


class EngineStopped(Exception):
    """An engine died of its own accord; the message says in one line of what."""


class Engine(Backend, Protocol):
    """A backend that can be fed while it runs. Every added request is answered by a later step, once."""

    @property
    def capacity(self) -> int:
        """How many requests it holds at a time."""
        ...

    def add(self, request: Request) -> None:
        """Takes a request. Raises `EngineStopped`."""
        ...

    def step(self) -> list[Completion | GenerationFailure]:
        """Works on what was added; what is finished by now. Raises `EngineStopped`."""
        ...


def request_seed(request: Request) -> int | None:
    """The seed of a sampled request, made of its key; None for a greedy one.

    Answers are stored as they end, so a kill loses the long ones. Drawn again by chance, some would turn out short,
    and a run that was often killed would hold too few long answers; drawn by the same seed they come out as they were.
    """
    return int(request.key[:8], 16) if request.sampling.temperature else None


def run_engine(engine: Engine, requests: Sequence[Request]) -> Iterator[Completion | GenerationFailure]:
    """The answers to all `requests` as they come; if the engine stops, the rest are failures."""
    waiting = deque(requests)
    held: dict[str, Request] = {}
    while waiting or held:
        try:
            while waiting and len(held) < engine.capacity:
                request = waiting.popleft()
                held[request.key] = request
                engine.add(request)
            answers = engine.step()
        except EngineStopped as stopped:
            for request in (*held.values(), *waiting):
                yield GenerationFailure(request.key, request.id, str(stopped))
            return
        for answer in answers:
            if held.pop(answer.key, None):  # else from an earlier call that was not read to its end
                yield answer
