"""Prediction files of VLMEvalKit: xlsx, tsv or json with `index`, `prediction`, and the columns of the dataset.

`index` numbers the rows of VLMEvalKit's own table, which need not be the id of the benchmark, so it counts as a row
number and is checked. Options stand in one column each, A, B, C, …, or as a list in `choices`.
Upstream: vlmeval/inference.py, vlmeval/smp/file.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from string import ascii_uppercase

from mmk12.formats.data_file import DataFile, Row, take_text
from mmk12.formats.responses._format import ResponseFormat, parse_list, parse_number


def _recognize(file: DataFile) -> bool:
    return file.has("index", "prediction")


def _convert(row: Row) -> Iterator[Row]:
    number = parse_number(row["index"])
    options = [str(row[letter]) for letter in ascii_uppercase if row.get(letter) not in (None, "")]
    yield {
        "row": number,
        "id": None if number is not None else take_text(row["index"]),
        "response": take_text(row.get("prediction")),
        "gold": take_text(row.get("answer")),
        "question": take_text(row.get("question")),
        "choices": options or parse_list(row.get("choices")),
    }


format = ResponseFormat(
    "vlmevalkit", "predictions of VLMEvalKit", "xlsx, tsv or json with `index` and `prediction`", _recognize, _convert
)
