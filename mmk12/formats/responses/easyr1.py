"""Validation responses that EasyR1's file logger writes: `generations.log`, blocks of marked texts.

A block is `[prompt] …`, `[output] …`, `[ground_truth] …`, `[score] …` and a blank line; texts may have several lines.
Upstream: hiyouga/EasyR1, verl/utils/logger/gen_logger.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from mmk12.formats.data_file import DataFile, Row
from mmk12.formats.responses._format import ResponseFormat

_MARK = re.compile(r"\[(prompt|output|ground_truth|score)\] ?")
_ORDER = ("prompt", "output", "ground_truth", "score")


def _recognize(file: DataFile) -> bool:
    return file.head.startswith("[prompt]")


def _read(file: DataFile) -> Iterator[tuple[str, Row]]:
    """Yields a row per block. A mark counts only as the next one of the block: a response may hold such a line, too."""
    row: dict[str, str] = {}
    number = 0
    with open(file.path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            found = _MARK.match(line)
            complete = len(row) == len(_ORDER)
            if found and found[1] == _ORDER[0 if complete else len(row)]:
                if complete:
                    number += 1
                    yield f"{file.path}, block {number}", row
                    row = {}
                row[found[1]] = line[found.end() :]
            elif row:
                row[_ORDER[len(row) - 1]] += line
    if row:
        yield f"{file.path}, block {number + 1}", row


def _convert(row: Row) -> Iterator[Row]:
    texts = {name: row[name].strip() if name in row else None for name in _ORDER}
    try:
        score = float(texts["score"] or "")
    except ValueError:
        score = None
    yield {"response": texts["output"], "gold": texts["ground_truth"], "question": texts["prompt"], "score": score}


format = ResponseFormat(
    "easyr1", "generations of EasyR1", "text blocks [prompt], [output], …", _recognize, _convert, _read
)
