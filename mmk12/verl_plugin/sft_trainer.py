"""verl's own SFT trainer, told to leave the vision tower alone: `python -m mmk12.verl_plugin.sft_trainer KEY=VALUE …`.

That trainer has no key for it, so `mmk12.freeze_vision` is ours. It cannot be patched where verl starts it, as
`__main__`; this is its start.
"""

from __future__ import annotations

from typing import Any

import hydra
from verl.trainer.sft_trainer import run_sft

from mmk12.verl_plugin import internvl


@hydra.main(config_path="pkg://verl.trainer.config", config_name="sft_trainer_engine", version_base=None)  # type: ignore[untyped-decorator]
def main(config: Any) -> None:
    """Runs the trainer with the configuration that hydra has made of the command line."""
    internvl.request_freezing(bool(config.mmk12.freeze_vision))
    run_sft(config)


if __name__ == "__main__":
    main()
