"""Adds the transformers server to verl's rollout engines, as `rollout.name=hf_server`.

Loaded by `activation` in every process before verl, so it must not import Ray, torch or verl; `hf_rollout` does.
"""

from __future__ import annotations

from typing import Any

NAME = "hf_server"
"""For verl's key `actor_rollout_ref.rollout.name`."""


def patch_adapters(base: Any) -> None:
    """Adds the adapter to the registry of verl.workers.rollout.base, which has no function for that."""
    base._ROLLOUT_REGISTRY[NAME, "async"] = "mmk12.verl_plugin.hf_rollout.HfAdapter"


def patch_replicas(replica: Any) -> None:
    """Registers the replica in verl.workers.rollout.replica; it is imported when it is first used."""

    def load() -> Any:
        from mmk12.verl_plugin.hf_rollout import HfReplica

        return HfReplica

    replica.RolloutReplicaRegistry.register(NAME, load)
