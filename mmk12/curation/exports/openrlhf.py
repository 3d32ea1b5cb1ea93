"""For OpenRLHF: JSONL with `input` (messages, `<image>` marks in place), `images` (paths) and `label`.

OpenRLHF makes parts of the marks and hands the reward nothing but the label (0.11.2,
openrlhf/datasets/prompts_dataset.py:7-47); so the label is one that `mmk12.rewards.openrlhf` reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmk12.curation.exports.rows import LOST_ALWAYS, Target, TrainingRow, write_lines
from mmk12.rewards.scoring import write_label

_REWARD = Path(__file__).resolve().parents[2] / "rewards" / "openrlhf.py"
"""Not imported here: it needs torch."""


def _make_row(row: TrainingRow, pictures: list[Path]) -> dict[str, Any]:
    return {
        "input": [dict(message) for message in row.messages],
        "images": list(map(str, pictures)),
        "label": write_label(row.columns),
        "id": row.id,
    }


def _write(rows: Iterator[TrainingRow], path: Path) -> int:
    return write_lines(rows, path, _make_row)


TARGET = Target(
    "jsonl",
    _write,
    ("white space around a picture's mark, which OpenRLHF strips", *LOST_ALWAYS),
    lambda out, train: (
        f"--data.prompt_dataset {train} --data.input_key input --data.label_key label "
        f"--data.image_key images --data.apply_chat_template --reward.remote_url {_REWARD}"
    ),
)
