"""For ms-swift: JSONL with `messages` (`<image>` marks in place), `images` (paths), `solution`, the reward's columns.

The standard columns of ms-swift 4.6.0 (swift/dataset/preprocessor/core.py); all others reach the reward as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmk12.curation.exports.rows import LOST_ALWAYS, Target, TrainingRow, write_lines

_PLUGIN = Path(__file__).resolve().parents[2] / "rewards" / "swift.py"
"""Not imported here: it needs ms-swift."""


def _make_row(row: TrainingRow, pictures: list[Path]) -> dict[str, Any]:
    columns = dict(row.columns)
    return {
        "messages": [dict(message) for message in row.messages],
        "images": list(map(str, pictures)),
        "solution": columns.pop("gold"),
        **columns,
        "id": row.id,
    }


def _write(rows: Iterator[TrainingRow], path: Path) -> int:
    return write_lines(rows, path, _make_row)


TARGET = Target(
    "jsonl",
    _write,
    LOST_ALWAYS,
    lambda out, train: f"--dataset {train} --external_plugins {_PLUGIN} --reward_funcs mmk12",
)
