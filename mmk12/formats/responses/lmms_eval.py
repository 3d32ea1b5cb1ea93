"""Samples that lmms-eval logs with `--log_samples`: `<time>_samples_<task>.jsonl`.

`doc_id` is the number of a row of the task's split, from 0, and no id of the dataset. Responses are in
`filtered_resps`, or only in `resps` in older versions: a text, or a list with a text for each repeat.
Upstream: lmms_eval/evaluator.py and lmms_eval/loggers/evaluation_tracker.py (0.7).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmk12.formats.data_file import DataFile, Row, take_text
from mmk12.formats.responses._format import ResponseFormat, parse_number


def _recognize(file: DataFile) -> bool:
    return file.has("doc_id") and bool(file.columns & {"filtered_resps", "resps"})


def _convert(row: Row) -> Iterator[Row]:
    kept: Any = row.get("doc")
    document = kept if isinstance(kept, dict) else {}
    asked = row.get("input") or row.get("arguments")
    question = document.get("question") or asked
    while isinstance(question, list):
        question = question[0] if question else None
    target = row.get("target")
    told = {
        "row": parse_number(row.get("doc_id")),
        "gold": take_text(target[0] if isinstance(target, list) and len(target) == 1 else target),
        "question": question if isinstance(question, str) else None,
    }
    answers = _flatten(row["filtered_resps"] if "filtered_resps" in row else row.get("resps"))
    if len(answers) < 2:
        yield {**told, "response": answers[0] if answers else None}
    else:
        yield from ({**told, "response": answer, "index": index} for index, answer in enumerate(answers))


def _flatten(value: Any) -> list[str]:
    if isinstance(value, list):
        return [answer for item in value for answer in _flatten(item)]
    return [value] if isinstance(value, str) else []


format = ResponseFormat(
    "lmms_eval", "samples of lmms-eval", "JSONL with `doc_id` and `filtered_resps` or `resps`", _recognize, _convert
)
