"""For TRL's GRPO and RLOO trainers: parquet with messages in parts, pictures, and the columns of our reward.

TRL counts placeholders against pictures (1.16.0, trl/data_utils.py:98) and puts them in front of texts, so a `<image>`
mark in a text would stand there beside its own. Here each mark is a part of its own, where it was.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets

from mmk12.curation.exports.rows import LOST_ALWAYS, Target, TrainingRow, write_parquet
from mmk12.types import IMAGE_MARK

_PART = {"type": datasets.Value("string"), "text": datasets.Value("string")}
_FEATURES = datasets.Features(
    {
        "prompt": datasets.List({"role": datasets.Value("string"), "content": datasets.List(_PART)}),
        "images": datasets.List(datasets.Image()),
        "gold": datasets.Value("string"),
        "question": datasets.Value("string"),
        "choices": datasets.List(datasets.Value("string")),
        "answer_type": datasets.Value("string"),
        "precision": datasets.Value("int64"),
        "tolerance": datasets.Value("float64"),
        "profile": datasets.Value("string"),
        "id": datasets.Value("string"),
    }
)


def _make_row(row: TrainingRow) -> dict[str, Any]:
    return {
        "prompt": [{"role": one["role"], "content": split_parts(one["content"])} for one in row.messages],
        "images": [{"bytes": content, "path": name} for name, content in row.images],
        **row.columns,
        "id": row.id,
    }


def split_parts(content: str) -> list[dict[str, str | None]]:
    """Returns a message's content as the parts of a chat template, one per picture and per text between them."""
    parts: list[dict[str, str | None]] = []
    for at, text in enumerate(content.split(IMAGE_MARK)):
        parts += [{"type": "image", "text": None}] * (at > 0)
        parts += [{"type": "text", "text": text}] * bool(text)
    return parts


def _write(rows: Iterator[TrainingRow], path: Path) -> int:
    return write_parquet(map(_make_row, rows), path, _FEATURES)


TARGET = Target(
    "parquet",
    _write,
    LOST_ALWAYS,
    lambda out, train: (
        f"load_dataset('parquet', data_files='{train}') and `from mmk12.rewards.trl import reward` for reward_funcs"
    ),
)
