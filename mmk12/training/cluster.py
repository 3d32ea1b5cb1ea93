"""The Ray cluster of a job: waits for its nodes, says who is missing, and runs the checks of a node on each of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from mmk12.errors import ModelError, first_line
from mmk12.recipes.schema import Hardware
from mmk12.training.preflight import PreflightCheck, check_node
from mmk12.utils.ray_cluster import check_reachable, connection_error, import_ray

_POLL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Node:
    """A node that has joined; `address` is its IP address."""

    id: str
    address: str
    gpus: int


def join_cluster(address: str, hardware: Hardware, deadline: float, say: Callable[[str], None]) -> list[Node]:
    """Connects to the cluster at `address` and waits up to `deadline` seconds for its nodes.

    Raises `ModelError` that names those who have come when too few have, or none answers.
    """
    ray = import_ray("--ray-address")
    check_reachable(address)
    try:
        ray.init(address=address, ignore_reinit_error=True, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise connection_error(address, error) from None
    ends = time.monotonic() + deadline
    told = -1
    while True:
        nodes = [
            Node(node["NodeID"], node["NodeManagerAddress"], int(node["Resources"].get("GPU", 0)))
            for node in ray.nodes()
            if node["Alive"]
        ]
        ready = [node for node in nodes if node.gpus >= hardware.gpus]
        if len(ready) >= hardware.nodes:
            return ready[: hardware.nodes]
        if len(ready) != told:
            told = len(ready)
            say(f"{told} of {hardware.nodes} nodes with {hardware.gpus} GPUs have joined {address}")
        if time.monotonic() >= ends:
            here = ", ".join(f"{node.address} ({node.gpus} GPUs)" for node in nodes) or "none"
            raise ModelError(
                f"After {deadline:.0f} s only {told} of {hardware.nodes} nodes with {hardware.gpus} GPUs have joined. "
                f"Here: {here}. On each missing one: ray start --address {address}"
            )
        time.sleep(_POLL_SECONDS)


def find_lost_nodes(nodes: list[Node]) -> list[str]:
    """The addresses of those nodes that Ray has given up since they joined."""
    alive = {node["NodeID"] for node in import_ray("--ray-address").nodes() if node["Alive"]}
    return [node.address for node in nodes if node.id not in alive]


def check_nodes(nodes: list[Node], train: str, checkpoints: str, needed: int) -> list[PreflightCheck]:
    """`check_node` on each node, its address in front of what was found."""
    ray = import_ray("--ray-address")
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(num_cpus=0)(check_node)
    asked = [
        task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.id, soft=False)).remote(
            train, checkpoints, needed
        )
        for node in nodes
    ]
    checks = []
    for node, found in zip(nodes, asked, strict=True):
        try:
            checks += [PreflightCheck(*check)._replace(told=f"{node.address}: {check[2]}") for check in ray.get(found)]
        except ray.exceptions.RayError as error:
            trouble = f"{node.address}: mmk12 does not run there ({first_line(error)[:200]})"
            checks.append(PreflightCheck("node", False, trouble))
    return checks
