"""Shares requests among several replicas of one model through Ray, on this machine or on a cluster.

Each replica is an actor with an engine of its own. It takes the next request when it has answered one, so a slow
replica does not hold up the others. The requests of a replica that fails go to the others; a request that lost two
replicas is a failure, because it may be the cause.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmk12.errors import Mmk12Error, ModelError, PromptError, first_line
from mmk12.inference.deployment import Deployment
from mmk12.inference.engine import Engine, EngineStopped
from mmk12.types import Completion, GenerationFailure, Message, Request
from mmk12.utils import storage
from mmk12.utils.images import ImageStore
from mmk12.utils.ray_cluster import check_reachable, connection_error, import_ray

ray = import_ray("--replicas and --ray-address")

_CALLS = 2
"""Open calls per replica: while one result travels, the engine works on the next."""
_MAX_LOSSES = 2
"""The number of replicas that a request may lose before it counts as their cause."""
_FORWARDED = ("HF_HOME", "HF_ENDPOINT", "HF_HUB_OFFLINE", "OMP_NUM_THREADS", "OMP_WAIT_POLICY")

Opener = Callable[[ImageStore], Engine]
Answer = Completion | GenerationFailure


class Replicas:
    """A backend of `deployment.replicas` engines, each opened by `opener` in a process of its own.

    `notes` says which replicas were lost. Raises `ModelError` if a replica cannot be opened, or the cluster is too
    small.
    """

    def __init__(self, opener: Opener, store: ImageStore, deployment: Deployment) -> None:
        self.notes: list[str] = []
        self._store = store
        _connect(deployment.ray_address)
        actor = ray.remote(**_resources(deployment))(_Replica)
        self._alive = [_ReplicaState(number, actor.remote()) for number in range(1, deployment.replicas + 1)]
        opened = [copy.actor.open.remote(opener) for copy in self._alive]
        first = self._alive[0]
        for copy, call in zip(self._alive, opened, strict=True):
            try:
                copy.capacity, copy.fingerprint = ray.get(call)
            except (ray.exceptions.RayActorError, ModelError) as error:
                raise ModelError(f"Replica {copy.number} has not started. {_line(error)}") from error
            if copy.fingerprint != first.fingerprint:
                raise ModelError(
                    f"Replica {copy.number} is not the same as replica 1 ({copy.fingerprint}; "
                    f"{first.fingerprint}). Install the same versions and weights on all nodes."
                )
        self.fingerprint = first.fingerprint

    def render(self, messages: Sequence[Message]) -> str:
        """Renders a prompt on one of the replicas; raises `PromptError`, or `ModelError` if no replica is left."""
        if not self._alive:
            raise ModelError(f"No replica is left: {self.notes[-1]}. Start again.")
        try:
            return str(ray.get(self._alive[0].actor.render.remote(messages)))
        except PromptError as error:
            raise PromptError(_line(error)) from None

    def generate(self, requests: Sequence[Request]) -> Iterator[Answer]:
        """Yields completions as they come from any replica."""
        waiting = deque(requests)
        losses: Counter[str] = Counter()
        calls: dict[Any, _ReplicaState] = {}
        for copy in self._alive:  # an earlier call may not have been consumed to its end
            copy.held.clear()
            copy.calls = 0
        while waiting or any(copy.held for copy in self._alive):
            for copy in self._alive:
                self._feed(copy, waiting, calls)
            if not calls:
                for request in waiting:
                    yield GenerationFailure(request.key, request.id, f"no replica is left: {self.notes[-1]}")
                return
            (ready, *_), _ = ray.wait(list(calls), num_returns=1)
            copy = calls.pop(ready)
            copy.calls -= 1
            try:
                answers: list[Answer] = ray.get(ready)
            except (ray.exceptions.RayActorError, EngineStopped) as error:
                calls = {call: one for call, one in calls.items() if one is not copy}
                yield from self._requeue(copy, _line(error), waiting, losses)
                continue
            for answer in answers:
                if copy.held.pop(answer.key, None):
                    yield answer

    def _feed(self, copy: _ReplicaState, waiting: deque[Request], calls: dict[Any, _ReplicaState]) -> None:
        """Sends a replica as much as it can hold, but never more than its even share of what is left."""
        while copy.calls < _CALLS and (waiting or copy.held):
            left = len(waiting) + sum(len(one.held) for one in self._alive)
            room = min(copy.capacity, -(-left // len(self._alive))) - len(copy.held)
            added = [waiting.popleft() for _ in range(min(room, len(waiting)))]
            if not added and not copy.held:
                return
            copy.held |= {request.key: request for request in added}
            calls[copy.actor.exchange.remote([(request, self._read_images(request)) for request in added])] = copy
            copy.calls += 1

    def _requeue(
        self, copy: _ReplicaState, reason: str, waiting: deque[Request], losses: Counter[str]
    ) -> Iterator[GenerationFailure]:
        """Re-queues a failed replica's requests; fails those that lost two replicas."""
        self._alive.remove(copy)
        self.notes.append(f"replica {copy.number} died, {len(copy.held)} requests were taken from it: {reason}")
        for request in copy.held.values():
            losses[request.key] += 1
            if losses[request.key] < _MAX_LOSSES:
                waiting.appendleft(request)
            else:
                yield GenerationFailure(
                    request.key, request.id, f"{_MAX_LOSSES} replicas died while they held it: {reason}"
                )

    def _read_images(self, request: Request) -> list[tuple[str, bytes]]:
        paths = [self._store.path(image) for image in request.images]
        return [(path.name, path.read_bytes()) for path in paths]


@dataclass(slots=True, eq=False)
class _ReplicaState:
    """The driver's state of one actor: its open calls, and the requests that it has not answered."""

    number: int
    actor: Any
    capacity: int = 0
    fingerprint: str = ""
    held: dict[str, Request] = field(default_factory=dict)
    calls: int = 0


class _Replica:
    """The actor: one engine, and the images that were sent with its requests."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="mmk12-")
        self._store = ImageStore(Path(self._folder.name))
        self._held = 0

    def open(self, opener: Opener) -> tuple[int, str]:
        """Loads the model and returns its capacity and fingerprint."""
        try:
            self._engine = opener(self._store)
        except Mmk12Error as error:  # the one kind that can be pickled for the driver
            raise ModelError(str(error)) from None
        return self._engine.capacity, self._engine.fingerprint

    def render(self, messages: Sequence[Message]) -> str:
        """Renders a prompt; raises `PromptError`."""
        return self._engine.render(messages)

    def exchange(self, added: Sequence[tuple[Request, Sequence[tuple[str, bytes]]]]) -> list[Answer]:
        """Adds requests with their images, works until some are answered, and returns those answers."""
        for request, images in added:
            for name, data in images:
                storage.write_bytes(self._store.folder / name, data)
            self._engine.add(request)
            self._held += 1
        while self._held:
            answers = self._engine.step()
            self._held -= len(answers)
            if answers:
                return answers
        return []


def _connect(address: str | None) -> None:
    if ray.is_initialized():
        return
    if address is not None:
        check_reachable(address)
    variables = {name: os.environ[name] for name in _FORWARDED if name in os.environ}
    variables |= {name: value for name, value in os.environ.items() if name.startswith("VLLM_")}
    try:
        ray.init(
            address=address or "local",
            log_to_driver=False,
            logging_level="error",
            include_dashboard=None if address else False,
            runtime_env={"env_vars": variables},
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise connection_error(address or "this machine", error) from error


def _resources(deployment: Deployment) -> dict[str, int]:
    """Returns the resources of one replica; raises `ModelError` if the cluster has too few for all of them."""
    available = ray.cluster_resources()
    gpus = deployment.tensor_parallel if available.get("GPU") else 0
    each = {"num_cpus": 1, "num_gpus": gpus}
    for name, kind in (("num_cpus", "CPU"), ("num_gpus", "GPU")):
        if each[name] * deployment.replicas > available.get(kind, 0):
            raise ModelError(
                f"{deployment.replicas} replicas need {each[name] * deployment.replicas} {kind}s, "
                f"the Ray cluster has {available.get(kind, 0):.0f}. Lower --replicas or --tensor-parallel."
            )
    return each


def _line(error: Exception) -> str:
    """The first line of what went wrong in an actor, without the traceback that Ray adds."""
    return first_line(getattr(error, "cause", None) or error)
