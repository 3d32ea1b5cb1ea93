"""Saved responses of any framework, as rows in our words. A file of this folder is a format, and its registration.

A row may have `response`, `id` or `row` (its number in the benchmark, from 0), `index` among the samples of one item,
`gold`, `question`, `choices`, `answer_type`, `precision`, `tolerance`, `finish_reason`, `prompt_tokens`,
`completion_tokens`, `step` and `score`. `response` is None where the model gave none.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mmk12.errors import BadInput
from mmk12.formats.data_file import DataFile, Row, open_data_file
from mmk12.formats.responses._format import ResponseFormat
from mmk12.utils.column_names import parse_column_names

FIELDS = (
    "response", "id", "row", "index", "gold", "question", "choices", "answer_type", "precision", "tolerance",
    "finish_reason", "prompt_tokens", "completion_tokens", "step", "score",
)  # fmt: skip
"""The names that rows have here, and the left sides of `--columns`."""


@cache
def list_formats() -> tuple[ResponseFormat, ...]:
    """Returns all formats, in the order in which they are asked: ours first, then by file name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))
    found = [importlib.import_module(f"{__name__}.{name}").format for name in names]
    return tuple(sorted(found, key=lambda one: one.name != "mmk12"))


@dataclass(frozen=True, slots=True)
class ResponseFile:
    """A file of saved responses, and its format."""

    file: DataFile
    format: ResponseFormat

    @property
    def note(self) -> str:
        """What was recognized, for stderr; empty for our own format."""
        return "" if self.format.name == "mmk12" else f"{Path(self.file.shown).name}: read as {self.format.title}"

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields (place, row) with the names of `FIELDS`. Raises `BadInput` for what cannot be read."""
        for where, row in self.format.read(self.file):
            for converted in self.format.convert(row):
                yield (
                    where,
                    {name: value for name, value in converted.items() if value is not None or name == "response"},
                )


def open_responses(path: Path, columns: Mapping[str, str] | None = None, *, shown: str | None = None) -> ResponseFile:
    """Opens a file of saved responses.

    Args:
        path: The file.
        columns: Our names of the columns of any other table, as `--columns` gives them: {ours: theirs}.
        shown: What messages call the file, its path if None.

    Raises:
        MissingData: There is no such file.
        BadInput: No format fits, or the file lacks a column of `columns`; the message says what the file is.
    """
    file = open_data_file(path, shown)
    if columns is not None:
        return ResponseFile(file, _choose_columns(file, columns))
    found = find_format(file)
    if found is None:
        raise BadInput(f"{file.shown} is {file.describe()}: no format of saved responses. {describe_formats()}")
    return ResponseFile(file, found)


def find_format(file: DataFile) -> ResponseFormat | None:
    """Returns the format that recognizes a file, None if none does."""
    return next((one for one in list_formats() if one.recognizes(file)), None)


def describe_formats() -> str:
    """Returns the list of formats for messages."""
    known = "; ".join(f"{one.title} ({one.recognized_by})" for one in list_formats())
    return f"Known: {known}; any table with --columns response=NAME,gold=NAME,id=NAME."


def parse_columns(text: str, option: str = "--columns") -> dict[str, str]:
    """Parses `response=prediction,gold=answer` into {ours: theirs}. Raises `BadInput`, which names the `option`."""
    columns = parse_column_names(text, FIELDS, option)
    if "response" not in columns and "gold" not in columns:
        raise BadInput(f"{option} names no `response`: write response=NAME of the column that holds it.")
    return columns


def _choose_columns(file: DataFile, columns: Mapping[str, str]) -> ResponseFormat:
    missing = [theirs for theirs in columns.values() if theirs not in file.columns]
    if missing:
        raise BadInput(f"{file.shown} is {file.describe()}: it has no column {', '.join(missing)}. Mend --columns.")

    def convert(row: Row) -> Iterator[Row]:
        yield {ours: row.get(theirs) for ours, theirs in columns.items()}

    pairs = ", ".join(f"{ours}={theirs}" for ours, theirs in columns.items())
    return ResponseFormat("table", f"a table with {pairs}", "", lambda _: True, convert)
