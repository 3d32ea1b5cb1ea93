"""Gives verl's key `actor.freeze_vision_tower` its meaning: in 0.9.1 it is declared and read by nobody.

MM-Eureka trains the projector and the language model and leaves the vision tower alone (upstream: branch `internvl`,
`openrlhf/models/actor.py`; not in the paper).
"""

from __future__ import annotations

import logging
from typing import Any

from mmk12.verl_plugin.patching import PatchError, replace

_TOWERS = ("vision_tower", "visual")
"""What InternVL and Qwen-VL call it, below `model`."""

_log = logging.getLogger(__name__)
_wanted = False  # of the one trained model that lives in a process


def freeze(model: Any) -> int:
    """Stops the training of the vision tower of a transformers model; returns its number of parameters.

    Raises `PatchError` if the model has no tower under a known name.
    """
    body = getattr(model, "model", model)
    tower = next((getattr(body, name) for name in _TOWERS if hasattr(body, name)), None)
    if tower is None:
        raise PatchError(f"{type(model).__name__} has no vision tower to freeze ({' or '.join(_TOWERS)}).")
    tower.requires_grad_(False)
    return sum(parameter.numel() for parameter in tower.parameters())


def want(frozen: bool) -> None:
    """Says whether the tower of the model that is built next in this process stays as it is."""
    global _wanted
    _wanted = frozen


def patch_worker(engine_workers: Any) -> None:
    """Notes what the actor's configuration says before its engine is built: the engine is not told."""
    replace(engine_workers.ActorRolloutRefWorker, "init_model", ["self"], _noting)


def patch_engine(engine: Any) -> None:
    """Freezes the tower of a freshly loaded model, before it is sharded and the optimiser sees it."""
    replace(engine.FSDPEngine, "_build_module", ["self"], _freezing)


def _noting(original: Any) -> Any:
    def init_model(self: Any) -> Any:
        want(bool(self.config.actor.freeze_vision_tower))
        return original(self)

    return init_model


def _freezing(original: Any) -> Any:
    def build(self: Any) -> Any:
        model = original(self)
        settings = self.engine_config
        if _wanted and not settings.forward_only:
            if settings.strategy == "fsdp" and not settings.use_orig_params:
                raise PatchError("A frozen vision tower needs strategy fsdp2, or fsdp_config.use_orig_params=True.")
            _log.warning("vision tower frozen: %s parameters", f"{freeze(model):,}")
        return model

    return build
