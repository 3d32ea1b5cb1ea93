"""How sources read their upstream rows: a JSON file per problem, one JSON object, pictures of parquet rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from mmk12.declarations import LeftOut
from mmk12.errors import BadInput
from mmk12.files import Files
from mmk12.files.unpickle import Picture
from mmk12.types import BrokenLine, Row


def json_files(files: Files, *patterns: str) -> Iterator[Row | BrokenLine]:
    """The object in each JSON file that matches, and its name as `file`; unreadable files as broken lines."""
    for pattern in patterns:
        try:
            names = files.names(pattern)
        except BadInput as error:  # an archive
            yield BrokenLine(pattern, str(error))
            continue
        for name in names:
            yield _object(files, name)


def _object(files: Files, name: str) -> Row | BrokenLine:
    try:
        value = json.loads(files.read(name))
    except OSError as error:
        return BrokenLine(name, (error.strerror or str(error)).lower())
    except (BadInput, ValueError, RecursionError) as error:
        return BrokenLine(name, str(error))
    return {**value, "file": name} if isinstance(value, dict) else BrokenLine(name, "no JSON object")


def parquet_files(files: Files, pattern: str, but: str = "") -> Iterator[Row | BrokenLine]:
    """The rows of each parquet file that matches `pattern` and not `but`; a file that cannot be read is one line."""
    for name in files.names(pattern):
        if but and fnmatchcase(name, but):
            continue
        try:
            yield from files.parquet(name)
        except BadInput as error:
            yield BrokenLine(name, str(error).replace(f"{files.folder}/", ""))


def parent(row: Row) -> str:
    """The name of the folder that the row's JSON file lies in."""
    return str(row["file"]).split("/")[-2]


def beside(row: Row, name: str) -> str:
    """The file `name` in the folder of the row's JSON file."""
    return f"{str(row['file']).rpartition('/')[0]}/{name}"


def json_object(files: Files, name: str) -> dict[str, Any]:
    """The object in a JSON file. Raises `MissingData` or `BadInput`."""
    value = files.json(name)
    if not isinstance(value, dict):
        raise BadInput(f"{name} holds no JSON object.")
    return value


def first(files: Files, *names: str) -> str:
    """The first of these files or folders that is there; the last one if none is."""
    return next((name for name in names if files.path(name).exists()), names[-1])


def pictures(value: Any) -> list[bytes]:
    """The encoded picture of a parquet or hub row (`{"bytes", "path"}`). Raises `LeftOut` if it has none."""
    if value is None:
        raise LeftOut("no picture")
    return [value["bytes"]]


def array(value: Any) -> bytes:
    """The encoded picture that `mmk12.files.unpickle` made of an array. Raises `ValueError` if it is none."""
    if not isinstance(value, Picture) or value.png is None:
        raise ValueError("the image is no array of bytes in the shape of a picture")
    return value.png
