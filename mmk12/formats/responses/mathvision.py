"""MATH-V's own output files: JSONL of `id`, `response`, and `model_answer`, which its code extracted.

Upstream: mathllm/MATH-V, evaluation/ and outputs/.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmk12.formats.data_file import DataFile, Row, take_text
from mmk12.formats.responses._format import ResponseFormat, parse_list


def _recognize(file: DataFile) -> bool:
    return file.has("id", "response", "model_answer")


def _convert(row: Row) -> Iterator[Row]:
    yield {
        "id": take_text(row.get("id")),
        "response": take_text(row.get("response")),
        "gold": take_text(row.get("answer")),
        "question": take_text(row.get("question")),
        "choices": parse_list(row.get("options")),
    }


format = ResponseFormat(
    "mathvision", "outputs of MATH-V's own code", "JSONL with `id`, `response`, `model_answer`", _recognize, _convert
)
