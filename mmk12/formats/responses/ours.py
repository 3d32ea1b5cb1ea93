"""Rows in our own words: what `mmk12 verify` and `mmk12 eval --model FILE` document."""

from __future__ import annotations

from collections.abc import Iterator

from mmk12.formats.data_file import DataFile, Row
from mmk12.formats.responses._format import ResponseFormat, parse_list

_FOREIGN = ("custom_id", "model_answer", "pid", "doc_id", "completion")
"""Columns of formats that call a response `response`, too."""


def _recognize(file: DataFile) -> bool:
    named = file.has("id") or file.has("row") or file.has("gold")
    return (file.has("response") or (named and file.has("text"))) and not file.columns & set(_FOREIGN)


def _convert(row: Row) -> Iterator[Row]:
    ours = dict(row)
    if "response" not in ours and "text" in ours:
        ours["response"] = ours.pop("text")
    if isinstance(ours.get("choices"), str):
        ours["choices"] = parse_list(ours["choices"]) or ours["choices"]
    yield ours


format = ResponseFormat("mmk12", "mmk12 rows", "`response`, with `id`, `row` or `gold`", _recognize, _convert)
