"""What several sources share: reading rows and images. Answers become golds in `mmk12.datasets.golds`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from mmk12.datasets.declarations import SkipRow
from mmk12.datasets.files import Files
from mmk12.datasets.golds import (
    LETTERS,
    choice_gold,
    integer_gold,
    is_checkable,
    number_gold,
    remove_spaces,
    to_latex,
    wrap_in_dollars,
)
from mmk12.datasets.safe_pickle import DecodedArray
from mmk12.errors import BadInput, os_reason
from mmk12.types import BrokenLine, Row

__all__ = [
    "LETTERS",
    "array_image",
    "choice_gold",
    "file_beside",
    "first_existing",
    "integer_gold",
    "is_checkable",
    "number_gold",
    "parent_folder",
    "read_json_files",
    "read_json_object",
    "read_parquet_files",
    "remove_spaces",
    "row_images",
    "to_latex",
    "wrap_in_dollars",
]


def read_json_files(files: Files, *patterns: str) -> Iterator[Row | BrokenLine]:
    """Yields the object of each matching JSON file, with its name as `file`; a `BrokenLine` for an unreadable file."""
    for pattern in patterns:
        try:
            names = files.names(pattern)
        except BadInput as error:  # an archive
            yield BrokenLine(pattern, str(error))
            continue
        for name in names:
            yield _read_object(files, name)


def _read_object(files: Files, name: str) -> Row | BrokenLine:
    try:
        value = json.loads(files.read(name))
    except OSError as error:
        return BrokenLine(name, os_reason(error))
    except (BadInput, ValueError, RecursionError) as error:
        return BrokenLine(name, str(error))
    return {**value, "file": name} if isinstance(value, dict) else BrokenLine(name, "not a JSON object")


def read_parquet_files(files: Files, pattern: str, but: str = "") -> Iterator[Row | BrokenLine]:
    """Yields the rows of each parquet file that matches `pattern`, not `but`; a `BrokenLine` for an unreadable file."""
    for name in files.names(pattern):
        if but and fnmatchcase(name, but):
            continue
        try:
            yield from files.parquet(name)
        except BadInput as error:
            yield BrokenLine(name, str(error).replace(f"{files.folder}/", ""))


def parent_folder(row: Row) -> str:
    """Returns the name of the folder of the row's JSON file."""
    return str(row["file"]).split("/")[-2]


def file_beside(row: Row, name: str) -> str:
    """Returns the path of the file `name` in the folder of the row's JSON file."""
    return f"{str(row['file']).rpartition('/')[0]}/{name}"


def read_json_object(files: Files, name: str) -> dict[str, Any]:
    """Returns the object in a JSON file. Raises `MissingData` or `BadInput`."""
    value = files.json(name)
    if not isinstance(value, dict):
        raise BadInput(f"{name} does not hold a JSON object.")
    return value


def first_existing(files: Files, *names: str) -> str:
    """Returns the first of these files or folders that exists; the last one if none does."""
    return next((name for name in names if files.path(name).exists()), names[-1])


def row_images(value: Any) -> list[bytes]:
    """Returns the encoded image of a parquet or hub row (`{"bytes", "path"}`) in a list. Raises `SkipRow` for None."""
    if value is None:
        raise SkipRow("no image")
    return [value["bytes"]]


def array_image(value: Any) -> bytes:
    """Returns the encoded image that `safe_pickle` made of an array. Raises `ValueError` for anything else."""
    if not isinstance(value, DecodedArray) or value.png is None:
        raise ValueError("the image is not an array of bytes in the shape of an image")
    return value.png
