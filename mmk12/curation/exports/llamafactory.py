"""For LLaMA-Factory: JSONL in its ShareGPT layout with an answer turn, and `dataset_info.json` that declares it.

LLaMA-Factory 0.9.5 has no reward functions: what it can do with our rows is fine-tuning on their golds. It wants one
`<image>` mark per picture (llamafactory/data/mm_plugin.py) and reads `dataset_info.json` in its data folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmk12.curation.exports.rows import LOST_ALWAYS, Target, TrainingRow, write_lines
from mmk12.utils.storage import write_json

INFO = "dataset_info.json"


def _make_row(row: TrainingRow, pictures: list[Path]) -> dict[str, Any]:
    answer = {"role": "assistant", "content": f"<answer>{row.columns['gold']}</answer>"}
    return {
        "messages": [*({**message} for message in row.messages), answer],
        "images": list(map(str, pictures)),
        "id": row.id,
    }


def _write(rows: Iterator[TrainingRow], path: Path) -> int:
    return write_lines(rows, path, _make_row)


def _write_info(out: Path, files: Sequence[Path]) -> list[Path]:
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user"}
    tags |= {"assistant_tag": "assistant", "system_tag": "system"}
    columns = {"messages": "messages", "images": "images"}
    write_json(
        out / INFO,
        {
            f"mmk12_{file.stem}": {"file_name": file.name, "formatting": "sharegpt", "columns": columns, "tags": tags}
            for file in files
        },
    )
    return [out / INFO]


TARGET = Target(
    "jsonl",
    _write,
    (
        "the reward: LLaMA-Factory takes no function for it, so rows end with `<answer>GOLD</answer>` to be learned",
        "choices, answer type, precision and tolerance of the gold",
        *LOST_ALWAYS,
    ),
    lambda out, train: f"dataset_dir: {out.resolve()} and dataset: mmk12_{train.stem}",
    _write_info,
)
