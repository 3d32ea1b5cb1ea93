"""Feeds requests to a local engine: as many at a time as it can hold.

Each answered request is replaced by the next waiting one.

Not batch by batch, because a batch waits for its longest response. Not all at once, because every waiting request keeps
its decoded images in memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

from mmk12.types import Backend, Completion, GenerationFailure, Request


class EngineStopped(Exception):
    """The engine terminated unexpectedly; the message gives the reason in one line."""


@runtime_checkable
class NotedBackend(Backend, Protocol):
    """A backend that keeps notes about its work for the user, such as replicas that were lost."""

    @property
    def notes(self) -> Sequence[str]:
        """What happened, one line each; complete when `generate` has ended."""
        ...


class Engine(Backend, Protocol):
    """A backend that takes requests while it runs. A later step answers every added request, exactly once."""

    @property
    def capacity(self) -> int:
        """The number of requests that it holds at a time."""
        ...

    def add(self, request: Request) -> None:
        """Adds a request. Raises `EngineStopped`."""
        ...

    def step(self) -> list[Completion | GenerationFailure]:
        """Works on the added requests and returns the finished ones. Raises `EngineStopped`."""
        ...


def request_seed(request: Request) -> int | None:
    """Returns the seed of a sampled request, derived from its key; None for a greedy one.

    Answers are stored as they end, so a kill loses the long ones. Sampled again with another seed, some would turn out
    short, and a run that was often killed would hold too few long answers. The same seed gives the same answer again.
    """
    return int(request.key[:8], 16) if request.sampling.temperature else None


def run_engine(engine: Engine, requests: Sequence[Request]) -> Iterator[Completion | GenerationFailure]:
    """Yields the answers to all `requests` as they come; if the engine stops, the others are failures."""
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
            if held.pop(answer.key, None):  # else it is of an earlier call that was not consumed to its end
                yield answer
