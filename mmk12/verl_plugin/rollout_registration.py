"""Adds the transformers server to verl's rollout engines, as `rollout.name=hf_server`."""

from __future__ import annotations

from typing import Any

NAME = "hf_server"
"""For verl's key `actor_rollout_ref.rollout.name`."""


def patch_adapters(base: Any) -> None:
    """`base` is verl.workers.rollout.base, whose table has no function to add to it."""
    base._ROLLOUT_REGISTRY[NAME, "async"] = "mmk12.verl_plugin.hf_rollout.HfAdapter"


def patch_replicas(replica: Any) -> None:
    """`replica` is verl.workers.rollout.replica."""

    def load() -> Any:
        from mmk12.verl_plugin.hf_rollout import HfReplica

        return HfReplica

    replica.RolloutReplicaRegistry.register(NAME, load)
