"""Freezes the vision tower: verl declares the key `actor.freeze_vision_tower` and never reads it.

In MM-Eureka on InternVL the projector trains beside a frozen tower (released code, `--freeze_vision_tower`). Qwen keeps
its projector, the merger, inside of the tower's module, where freezing the module would take it along.
"""

from __future__ import annotations

import logging
from typing import Any

from mmk12.verl_plugin.patching import PatchError, replace_method

_log = logging.getLogger(__name__)

_NONE, _TOWER, _ALL = "none", "tower", "all"
_TOWERS = ("vision_tower", "visual")
"""The tower's attribute of `model` in InternVL and in Qwen-VL."""
_PROJECTORS = ("multi_modal_projector", "visual.merger", "visual.deepstack_merger_list")
"""The projector's in InternVL and in Qwen-VL; Qwen3-VL has two."""

_requested = _NONE  # a process has one trained model


def freeze_vision(model: Any, parts: str) -> int:
    """Freezes the vision tower of a transformers model; returns the number of frozen parameters.

    `parts` is `tower`, which leaves the projector trainable, or `all`. Raises `PatchError` if the model has no tower or
    no projector under a known name.
    """
    body = getattr(model, "model", model)
    towers = [getattr(body, name) for name in _TOWERS if hasattr(body, name)]
    projectors = [part for name in _PROJECTORS if (part := _find_module(body, name)) is not None]
    if not towers or not projectors:
        raise PatchError(f"{type(model).__name__} has no vision tower to freeze ({' or '.join(_TOWERS)}).")
    for tower in towers:
        tower.requires_grad_(False)
    for projector in projectors:
        projector.requires_grad_(parts != _ALL)
    return sum(parameter.numel() for parameter in model.parameters() if not parameter.requires_grad)


def _find_module(body: Any, path: str) -> Any:
    for name in path.split("."):
        body = getattr(body, name, None)
    return body


def request_freezing(parts: str) -> None:
    """Sets what is frozen of the next model of this process: `none`, `tower` or `all`."""
    global _requested
    _requested = parts


def patch_freezing_worker(engine_workers: Any) -> None:
    """Reads the keys from the actor's configuration before its engine is built: the engine does not get them."""
    replace_method(engine_workers.ActorRolloutRefWorker, "init_model", ["self"], _request_before_init)


def patch_freezing_engine(engine: Any) -> None:
    """Freezes the tower of a loaded model, before it is sharded and the optimiser is made."""
    replace_method(engine.FSDPEngine, "_build_module", ["self"], _build_frozen)


def _request_before_init(original: Any) -> Any:
    def init_model(self: Any) -> Any:
        projector = (self.config.get("mmk12") or {}).get("freeze_projector", False)
        request_freezing(_ALL if projector else _TOWER if self.config.actor.freeze_vision_tower else _NONE)
        return original(self)

    return init_model


def _build_frozen(original: Any) -> Any:
    def build(self: Any) -> Any:
        model = original(self)
        settings = self.engine_config
        if _requested != _NONE and not settings.forward_only:
            if settings.strategy == "fsdp" and not settings.use_orig_params:
                raise PatchError("A frozen vision tower needs strategy fsdp2, or fsdp_config.use_orig_params=True.")
            _log.warning("vision frozen (%s): %s parameters", _requested, f"{freeze_vision(model, _requested):,}")
        return model

    return build
