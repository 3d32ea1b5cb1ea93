"""The two ends of `hf_server` in verl: the replica that starts the server, the adapter that sends it new weights."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import ray
from verl.utils.fs import copy_to_local
from verl.workers.rollout.base import BaseRollout
from verl.workers.rollout.replica import RolloutReplica

from mmk12.verl_plugin.hf_server import HfServer


class HfReplica(RolloutReplica):  # type: ignore[misc]
    """Runs one server in its own Ray actor."""

    async def launch_servers(self) -> None:
        """Starts the server and waits until its model is loaded."""
        actor = ray.remote(HfServer).options(name=_actor_name(self.replica_rank), num_cpus=0, max_concurrency=4096)
        server = actor.remote(self.config, copy_to_local(self.model_config.path), self.replica_rank)
        await server.clear_kv_cache.remote()
        self.servers = [server]
        self._server_handle = server
        self._server_address = f"{_actor_name(self.replica_rank)}:0"


class HfAdapter(BaseRollout):  # type: ignore[misc]
    """Lives in the actor's process; verl calls it after each step."""

    def __init__(self, config: Any, model_config: Any, device_mesh: Any, replica_rank: int = -1, **_: Any) -> None:
        super().__init__(config, model_config, device_mesh)
        size = self.config.tensor_model_parallel_size * self.config.data_parallel_size
        rank = int(os.environ["RANK"])
        self._replica = rank // size if replica_rank == -1 else replica_rank
        self._is_first_rank = rank % size == 0

    async def resume(self, tags: list[str]) -> None:
        """Does nothing: the weights stay in memory."""

    async def release(self) -> None:
        """Does nothing: the weights stay in memory."""

    async def update_weights(
        self, weights: Iterable[tuple[str, Any]], global_steps: int | None = None, **_: Any
    ) -> None:
        """Sends all parameters through Ray's object store. All ranks gather the shards, the first rank sends."""
        arrays = {name: _gather(tensor) for name, tensor in weights}
        if self._is_first_rank:
            await ray.get_actor(_actor_name(self._replica)).load_weights.remote(arrays, global_steps)


def _gather(tensor: Any) -> Any:
    """Returns a parameter as a float32 NumPy array; a sharded tensor is gathered from all ranks."""
    gathered = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
    return gathered.detach().float().cpu().numpy()


def _actor_name(rank: int) -> str:
    return f"mmk12_hf_server_{rank}"
