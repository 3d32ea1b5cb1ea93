"""Responses that verl dumps (`trainer.rollout_data_dir`, `validation_data_dir`): `<step>.jsonl`.

Rows hold `input`, `output`, `gts`, `score`, `step`, and what the reward function returned; our plugin adds the id of
the sample. Upstream: verl 0.9.1, verl/trainer/ppo/ray_trainer.py, `_dump_generations`.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmk12.formats.data_file import DataFile, Row, take_text
from mmk12.formats.responses._format import ResponseFormat, parse_number


def _recognize(file: DataFile) -> bool:
    return file.has("input", "output") and bool(file.columns & {"gts", "score"})


def _convert(row: Row) -> Iterator[Row]:
    score = row.get("score")
    yield {
        "id": take_text(row.get("id")),
        "response": take_text(row.get("output")),
        "gold": take_text(row.get("gts")),
        "question": take_text(row.get("input")),
        "step": parse_number(row.get("step")),
        "score": float(score) if isinstance(score, int | float) else None,
    }


format = ResponseFormat(
    "verl_dump", "responses that verl dumped", "JSONL with `input`, `output`, `gts`, `score`", _recognize, _convert
)
