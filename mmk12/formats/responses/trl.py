"""Completions that TRL's GRPO and RLOO trainers log with `log_completions=True`: `completions/completions_*.parquet`.

`prompt` and `completion` are texts or chat messages; each reward function has a column under its own name. Columns of
the data set that a trainer was told to log (`gold`, `solution`, `answer`) are kept.
Upstream: huggingface/trl, trl/trainer/grpo_trainer.py, method `log`.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmk12.formats.data_file import DataFile, Row, take_text
from mmk12.formats.responses._format import ResponseFormat, parse_number

_OTHERS = {"step", "prompt", "completion", "advantage", "gold", "solution", "answer", "id", "index"}
_GOLDS = ("gold", "solution", "answer")


def _recognize(file: DataFile) -> bool:
    return file.has("prompt", "completion") and bool(file.columns & {"step", "advantage", *_GOLDS})


def _convert(row: Row) -> Iterator[Row]:
    rewards = [
        value for name, value in row.items() if name not in _OTHERS and isinstance(value, float) and value == value
    ]
    prompt = row["prompt"]
    asked = (
        [turn for turn in prompt if isinstance(turn, dict) and turn.get("role") == "user"]
        if isinstance(prompt, list)
        else prompt
    )
    yield {
        "id": take_text(row.get("id")),
        "response": take_text(row.get("completion")),
        "question": take_text(asked),
        "gold": next((take_text(row[name]) for name in _GOLDS if row.get(name) is not None), None),
        "step": parse_number(row.get("step")),
        "score": sum(rewards) if rewards else None,
    }


format = ResponseFormat(
    "trl", "completions of TRL", "parquet with `prompt`, `completion` and `step`", _recognize, _convert
)
