"""The reference model stays where it is: verl moves it to pinned main memory, which only a machine with a GPU has."""

from __future__ import annotations

from typing import Any

from mmk12.verl_plugin.patching import replace


def patch(engine: Any) -> None:
    """`engine` is verl.workers.engine.fsdp.transformer_impl."""
    replace(engine, "CPUOffloadPolicy", ["pin_memory"], lambda _: lambda pin_memory=True: None)
