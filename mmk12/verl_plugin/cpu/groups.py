"""Process groups over gloo alone: verl asks for one back-end for the CPU and another for "the device"."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

from mmk12.verl_plugin.patching import replace


def patch(distributed: Any) -> None:
    """`distributed` is verl.utils.distributed."""
    replace(distributed, "initialize_global_process_group_ray", ["timeout_second", "backend"], _over_gloo)
    replace(distributed, "initialize_global_process_group", ["timeout_second"], _alone_over_gloo)


def _over_gloo(original: Any) -> Any:
    def initialize(timeout_second: Any = None, backend: Any = None) -> Any:
        return original(timeout_second, backend or "gloo")

    return initialize


def _alone_over_gloo(original: Any) -> Any:
    def initialize(timeout_second: float = 36000) -> tuple[int, int, int]:
        import torch.distributed

        torch.distributed.init_process_group("gloo", timeout=timedelta(seconds=timeout_second))
        return tuple(int(os.environ[name]) for name in ("LOCAL_RANK", "RANK", "WORLD_SIZE"))  # type: ignore[return-value]

    return initialize
