"""verl and vLLM on a machine without an accelerator: how `mmk12 train demo` and the tests train for real.

verl has a registry for platforms and none for CPUs. Slow, and meant for the tiny model only.
"""

from __future__ import annotations

from mmk12.verl_plugin.cpu import groups, naming, offloading, platform, weights
from mmk12.verl_plugin.patching import when_imported


def activate() -> None:
    """Registers the platform and makes ready what else a CPU needs; chosen by `VERL_PLATFORM=cpu`."""
    platform.register()
    naming.register()
    when_imported("verl.utils.distributed", groups.patch)
    when_imported("verl.workers.engine.fsdp.transformer_impl", offloading.patch)
    when_imported("verl.workers.rollout.vllm_rollout.bucketed_weight_transfer", weights.patch_receiver)
    # In vLLM's own processes, which import verl last.
    when_imported("vllm.model_executor.layers.utils", weights.patch_layers, late=True)
