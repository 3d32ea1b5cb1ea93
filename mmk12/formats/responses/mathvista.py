"""MathVista's own output file: a JSON object {pid: row} with the columns of the dataset, `query` and `response`.

Upstream: lupantech/MathVista, evaluation/generate_response.py.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmk12.formats.data_file import DataFile, Row, take_text
from mmk12.formats.responses._format import ResponseFormat, parse_list, parse_number

_NUMBERS = {"integer": "number", "float": "number", "list": "list"}


def _recognize(file: DataFile) -> bool:
    return file.has("pid", "question", "answer") and (file.has("response") or file.has("query"))


def _convert(row: Row) -> Iterator[Row]:
    choices = parse_list(row.get("choices"))
    kind = None if choices else _NUMBERS.get(str(row.get("answer_type")))
    yield {
        "id": take_text(row.get("pid")),
        "response": take_text(row.get("response")),
        "gold": take_text(row.get("answer")),
        "question": take_text(row.get("question")),
        "choices": choices,
        "answer_type": kind,
        "precision": parse_number(row.get("precision")) if kind == "number" else None,
    }


format = ResponseFormat(
    "mathvista",
    "outputs of MathVista's own code",
    "JSON with `pid`, `question`, `answer`, `response`",
    _recognize,
    _convert,
)
