"""Activates the plugin: the list of all patches, each with the module that it waits for."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from mmk12._version import VERL
from mmk12.verl_plugin import (
    algorithms,
    freezing,
    internvl,
    losses,
    pixels,
    qwen_attention,
    rollout_registration,
    step_metrics,
    step_record,
)
from mmk12.verl_plugin.patching import PatchError, patch_when_imported

_PATCHES = (
    ("verl.experimental.agent_loop.agent_loop", pixels.patch_agent_loop),
    ("verl.workers.rollout.utils", internvl.patch_image_tokens),
    ("verl.workers.rollout.base", rollout_registration.patch_adapters),
    ("verl.workers.rollout.replica", rollout_registration.patch_replicas),
    ("verl.workers.engine.fsdp.transformer_impl", pixels.patch_engine),
    ("verl.workers.engine.fsdp.transformer_impl", internvl.patch_vision_tower),
    ("verl.workers.engine.fsdp.transformer_impl", freezing.patch_freezing_engine),
    ("verl.workers.engine_workers", freezing.patch_freezing_worker),
    ("verl.trainer.ppo.core_algos", algorithms.patch_advantages),
    ("verl.trainer.ppo.core_algos", losses.patch_losses),
    ("verl.trainer.ppo.v1.trainer_base", step_metrics.patch_step_metrics),
    ("verl.trainer.ppo.v1.trainer_base", algorithms.patch_group_filter),
    # After the filter: what is patched last runs first.
    ("verl.trainer.ppo.v1.trainer_base", step_record.patch_failed_rollouts),
    ("verl.trainer.ppo.v1.trainer_base", step_record.patch_dumped_rollouts),
    ("verl.trainer.ppo.v1.trainer_base", step_record.patch_announcement),
    ("verl.models.transformers.qwen2_vl", qwen_attention.patch_qwen_attention),
)


def activate() -> None:
    """Registers all patches. Raises `PatchError` if the version of verl is not the one that they were written for."""
    with suppress(ImportError):
        import verl  # noqa: F401 - already imported unless `mmk12.verl_plugin.sft_trainer` is the start
    version = getattr(sys.modules.get("verl"), "__version__", None)
    if version != VERL:
        raise PatchError(f"The mmk12 plugin is for verl {VERL}; found {version}.")
    internvl.patch_processor(sys.modules["verl.utils"])  # verl imports it before any plugin
    for name, patch in _PATCHES:
        patch_when_imported(name, patch)
    if os.environ.get("VERL_PLATFORM") == "cpu":
        from mmk12.verl_plugin.cpu import activate as activate_cpu

        activate_cpu()
