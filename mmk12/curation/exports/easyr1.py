"""For EasyR1: parquet with `prompt` (one text with `<image>` marks), `images`, and `answer`.

EasyR1 reads these columns by default, makes one user turn of the prompt (verl/utils/dataset.py:94-170 at b44b311) and
hands the reward nothing but the answer; so the answer is a label that `mmk12.rewards.easyr1` reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets

from mmk12.curation.exports.rows import LOST_ALWAYS, Target, TrainingRow, join_messages, write_parquet
from mmk12.rewards import easyr1
from mmk12.rewards.scoring import write_label

_FEATURES = datasets.Features(
    {
        "prompt": datasets.Value("string"),
        "images": datasets.List(datasets.Image()),
        "answer": datasets.Value("string"),
        "id": datasets.Value("string"),
    }
)


def _make_row(row: TrainingRow) -> dict[str, Any]:
    images = [{"bytes": content, "path": name} for name, content in row.images]
    return {"prompt": join_messages(row), "images": images, "answer": write_label(row.columns), "id": row.id}


def _write(rows: Iterator[TrainingRow], path: Path) -> int:
    return write_parquet(map(_make_row, rows), path, _FEATURES)


TARGET = Target(
    "parquet",
    _write,
    ("the system turn: its text stands at the head of the prompt", *LOST_ALWAYS),
    lambda out, train: (
        f"data.train_files={train} data.format_prompt=null "
        f"worker.reward.reward_function={easyr1.__file__}:compute_score"
    ),
)
