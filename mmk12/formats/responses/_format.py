"""What a file of this folder declares, and what several of them share."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from mmk12.formats.data_file import DataFile, Row

Convert = Callable[[Row], Iterable[Row]]


def _read_rows(file: DataFile) -> Iterator[tuple[str, Row]]:
    return file.rows()


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """A format of saved responses.

    `name` is its short name, `title` what is told when it is recognized, `recognized_by` what a user must know of it.
    `convert` turns a row of the file into rows with our names; `read` yields the rows of a file that is no table.
    """

    name: str
    title: str
    recognized_by: str
    recognizes: Callable[[DataFile], bool]
    convert: Convert
    read: Callable[[DataFile], Iterator[tuple[str, Row]]] = _read_rows


_MAX_LIST = 100_000
"""Characters of a list that is written as text."""


def parse_list(value: Any) -> list[str] | None:
    """Returns the texts of a list, also of one that is written as JSON or Python text; None if it is empty or none."""
    if isinstance(value, str) and value.strip().startswith("[") and len(value) < _MAX_LIST:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            try:
                value = ast.literal_eval(value.strip())
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                return None
    return [str(item) for item in value] if isinstance(value, list | tuple) and value else None


def parse_number(value: Any) -> int | None:
    """Returns a whole number, also one that is written as text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal() and len(value) < 10:
        return int(value)
    return value if isinstance(value, int) else None
