"""The Ray cluster of a job: waits for its nodes, finds the nodes that are lost, and runs a function on each of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mmk12.errors import ModelError, first_line
from mmk12.recipes.schema import Hardware
from mmk12.utils.ray_cluster import check_reachable, connection_error, import_ray

_POLL_SECONDS = 2.0
_OPTION = "--ray-address"


@dataclass(frozen=True, slots=True)
class Node:
    """A node that has joined; `address` is its IP address."""

    id: str
    address: str
    gpus: int


def join_cluster(address: str, hardware: Hardware, deadline: float, say: Callable[[str], None]) -> list[Node]:
    """Connects to the cluster at `address` and waits up to `deadline` seconds until it has the nodes of `hardware`.

    Raises `MissingExtra` without Ray, and `ModelError` if no cluster answers or too few nodes have joined in time; the
    message lists those that have.
    """
    ray = import_ray(_OPTION)
    check_reachable(address)
    try:
        ray.init(address=address, ignore_reinit_error=True, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise connection_error(address, error) from None
    end = time.monotonic() + deadline
    last_count = -1
    while True:
        nodes = [
            Node(node["NodeID"], node["NodeManagerAddress"], int(node["Resources"].get("GPU", 0)))
            for node in ray.nodes()
            if node["Alive"]
        ]
        ready = [node for node in nodes if node.gpus >= hardware.gpus]
        if len(ready) >= hardware.nodes:
            return ready[: hardware.nodes]
        if len(ready) != last_count:
            last_count = len(ready)
            say(f"{last_count} of {hardware.nodes} nodes with {hardware.gpus} GPUs have joined {address}")
        if time.monotonic() >= end:
            joined = ", ".join(f"{node.address} ({node.gpus} GPUs)" for node in nodes) or "none"
            raise ModelError(
                f"After {deadline:.0f} s only {last_count} of {hardware.nodes} nodes with {hardware.gpus} GPUs have "
                f"joined. Joined: {joined}. On each missing one: ray start --address {address}"
            )
        time.sleep(_POLL_SECONDS)


def find_lost_nodes(nodes: Sequence[Node]) -> list[str]:
    """Returns the addresses of those `nodes` that Ray has lost since they joined; asks nothing if there are none."""
    if not nodes:
        return []
    alive = {node["NodeID"] for node in import_ray(_OPTION).nodes() if node["Alive"]}
    return [node.address for node in nodes if node.id not in alive]


def run_on_nodes(
    nodes: Sequence[Node], function: Callable[..., Any], *arguments: Any
) -> Iterator[tuple[Node, Any, str | None]]:
    """Runs `function(*arguments)` on every node at once; yields (node, result, None) or (node, None, error message)."""
    ray = import_ray(_OPTION)
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(num_cpus=0)(function)
    pending = [
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)).remote(*arguments)
        for node in nodes
    ]
    for node, reference in zip(nodes, pending, strict=True):
        try:
            yield node, ray.get(reference), None
        except ray.exceptions.RayError as error:
            yield node, None, first_line(error)[:200]
