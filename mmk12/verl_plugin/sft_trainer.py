"""Starts verl's own SFT trainer with a frozen vision tower: `python -m mmk12.verl_plugin.sft_trainer KEY=VALUE …`.

The trainer has no key for that, so the plugin adds `mmk12.freeze_vision`. verl starts the trainer as `__main__`, where
it cannot be patched; therefore this module starts it.
"""

from __future__ import annotations

from typing import Any

import hydra
from verl.trainer.sft_trainer import run_sft

from mmk12.verl_plugin import freezing


@hydra.main(config_path="pkg://verl.trainer.config", config_name="sft_trainer_engine", version_base=None)  # type: ignore[untyped-decorator]
def main(config: Any) -> None:
    """Runs the trainer with the configuration that hydra reads from the command line."""
    freezing.request_freezing(config.mmk12.freeze_vision)
    run_sft(config)


if __name__ == "__main__":
    main()
