"""The reward for ms-swift: `--external_plugins /PATH/TO/mmk12/rewards/swift.py --reward_funcs mmk12`.

ms-swift imports the file by its path and looks the reward up by its name (4.6.0, swift/utils/utils.py:409 and
swift/rlhf_trainers/grpo_trainer.py:2224). Columns of the data set come as lists (swift/rl_core/grpo_algorithm.py:46).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from swift.rewards import ORM, orms

from mmk12.rewards.scoring import pay, split_columns


class Mmk12Reward(ORM):  # type: ignore[misc]
    """An outcome reward; ms-swift makes one per trainer, with its arguments."""

    def __call__(self, completions: Sequence[str], **columns: Any) -> list[float]:
        """Returns one reward per completion; the columns that count are those of `pay`, which says what it raises."""
        rows = split_columns(columns, len(completions))
        finished = columns.get("finish_reason") or [None] * len(completions)
        return [
            pay(text, row, finish_reason=finish).fields["score"]
            for text, row, finish in zip(completions, rows, finished, strict=True)
        ]


orms["mmk12"] = Mmk12Reward
# ms-swift has put the folder of this file in front of the path, where `import trl` would find our file of that name.
_FOLDER = Path(__file__).resolve().parent
sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != _FOLDER]
