"""What the plugin changes, and where: the whole list."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from mmk12.verl_plugin import advantages, blank, curves, engines, frozen, multimodal, placeholders, processor, uniform
from mmk12.verl_plugin.patching import PatchError, when_imported

VERL = "0.9.1"
"""The only version of verl that the patches fit."""

_PATCHES = (
    ("verl.experimental.agent_loop.agent_loop", multimodal.patch),
    ("verl.workers.rollout.utils", placeholders.patch),
    ("verl.workers.rollout.base", engines.patch_adapters),
    ("verl.workers.rollout.replica", engines.patch_replicas),
    ("verl.workers.engine.fsdp.transformer_impl", blank.patch),
    ("verl.workers.engine.fsdp.transformer_impl", frozen.patch_engine),
    ("verl.workers.engine_workers", frozen.patch_worker),
    ("verl.trainer.ppo.core_algos", advantages.patch),
    ("verl.trainer.ppo.v1.trainer_base", curves.patch),
    ("verl.trainer.ppo.v1.trainer_base", uniform.patch),
)


def activate() -> None:
    """Makes all patches ready. Raises `PatchError` if this is not verl 0.9.1, loading its plugins."""
    with suppress(ImportError):
        import verl  # noqa: F401 - it is what imports this, but for `mmk12.verl_plugin.sft`
    found = getattr(sys.modules.get("verl"), "__version__", None)
    if found != VERL:
        raise PatchError(f"The mmk12 plugin is for verl {VERL}; found {found}.")
    processor.patch(sys.modules["verl.utils"])  # `import verl` imports it before any plugin
    for name, patch in _PATCHES:
        when_imported(name, patch)
    if os.environ.get("VERL_PLATFORM") == "cpu":
        from mmk12.verl_plugin.cpu import activate as activate_cpu

        activate_cpu()
