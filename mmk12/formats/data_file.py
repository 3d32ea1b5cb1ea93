"""Opens a file of unknown origin as rows: JSONL, JSON, CSV, TSV, Excel and parquet; names what it is for messages.

The content decides, not the suffix, and nothing in a file is executed. The work is bounded: documents that must be in
memory as a whole have a largest size, and archives that claim to hold far more than they are long are refused.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from mmk12.errors import BadInput, MissingData, first_line
from mmk12.types import BrokenLine
from mmk12.utils import archives, storage

Row = Mapping[str, Any]
Container = Literal["JSONL", "JSON", "CSV", "TSV", "Excel", "parquet", "zip", "text", "binary", "empty"]

MAX_DOCUMENT = 1 << 30
"""Most bytes of a JSON document, and of all members of an Excel file or of a parquet file when unpacked."""
_MAX_FIRST_LINE = 64 << 20
"""Bytes within which the first line of a JSONL file ends."""
_MAX_COLUMNS = 256
"""Most columns of a sheet."""
_SHOWN_COLUMNS = 12
_TEXT_SUFFIXES: Mapping[str, Container] = {".csv": "CSV", ".tsv": "TSV"}
_ARTICLES: Mapping[Container, str] = {"Excel": "an Excel file", "binary": "a binary file", "empty": "an empty file"}


@dataclass(frozen=True)
class DataFile:
    """A file, what it contains, and its rows. Use `open_data_file` to make one."""

    path: Path
    container: Container
    shown: str
    """What messages call the file."""

    @cached_property
    def first(self) -> Row:
        """The first row, empty if there is none or the file is no table. Raises `BadInput` for a damaged file."""
        return next((row for _, row in self.rows()), {}) if self.is_table else {}

    @property
    def columns(self) -> frozenset[str]:
        """The columns of the first row."""
        return frozenset(self.first)

    def has(self, *columns: str) -> bool:
        """Returns whether the first row has all these columns."""
        return self.columns >= set(columns)

    @property
    def is_table(self) -> bool:
        """Whether the file consists of rows with named columns."""
        return self.container in ("JSONL", "JSON", "CSV", "TSV", "Excel", "parquet")

    @cached_property
    def document(self) -> Any:
        """The value of a JSON document, None for other containers."""
        return _load_json(self.path) if self.container == "JSON" else None

    @cached_property
    def head(self) -> str:
        """The first 4,000 characters of a text file; other containers have none."""
        if self.container != "text":
            return ""
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read(4000)

    def rows(self) -> Iterator[tuple[str, Row]]:
        """Yields (place, row) in order. Raises `BadInput`, naming the place, for what cannot be read."""
        match self.container:
            case "JSONL":
                yield from self._read_lines()
            case "JSON":
                yield from self._number(_list_rows(self.document))
            case "CSV" | "TSV":
                yield from self._number(_read_csv(self.path, "\t" if self.container == "TSV" else ","))
            case "Excel":
                yield from self._number(_read_excel(self.path))
            case "parquet":
                yield from self._number(_read_parquet(self.path))

    def describe(self) -> str:
        """Returns what the file is, for messages: `an Excel file with columns index, answer`."""
        name = _ARTICLES.get(self.container, f"a {self.container} file")
        if not self.is_table:
            line = " ".join(self.head.split("\n", 1)[0].split())[:60]
            return f"{name} that begins with '{line}'" if line else name
        names = [str(column) for column in self.first]
        if not names:
            return f"{name} without rows"
        more = f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else ""
        return f"{name} with columns {', '.join(name[:40] for name in names[:_SHOWN_COLUMNS])}{more}"

    def _read_lines(self) -> Iterator[tuple[str, Row]]:
        for number, row in enumerate(storage.read_jsonl(self.path), 1):
            if isinstance(row, BrokenLine):
                line = row.where.rpartition(":")[2]
                raise BadInput(f"{self.shown}:{line}: {row.reason}. Fix or remove that line.")
            yield f"{self.shown}, row {number}", row

    def _number(self, rows: Iterator[Row]) -> Iterator[tuple[str, Row]]:
        for number, row in enumerate(rows, 1):
            yield f"{self.shown}, row {number}", row


def open_data_file(path: Path, shown: str | None = None) -> DataFile:
    """Finds out what a file contains. Raises `MissingData` if there is none, `BadInput` if it is a hostile archive."""
    if not path.is_file():
        raise MissingData(f"No file {path}.")
    return DataFile(path, _find_container(path), shown or str(path))


def _find_container(path: Path) -> Container:
    with open(path, "rb") as file:
        head = file.read(4096)
    if head[:4] == b"PAR1":
        return "parquet"
    if head[:4] == b"PK\x03\x04":
        return "Excel" if "xl/workbook.xml" in archives.open_archive(path).names() else "zip"
    if b"\0" in head or head[:2] == b"\x1f\x8b":
        return "binary"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        return "empty"
    if path.suffix.lower() in _TEXT_SUFFIXES:
        return _TEXT_SUFFIXES[path.suffix.lower()]
    return _find_json_kind(path) if text[:1] in (b"{", b"[") else "text"


def _find_json_kind(path: Path) -> Container:
    """Tells lines of JSON from one JSON document, which may be a single line, too, and either from other text.

    A file that is neither is JSONL with a broken first line if its suffix says so, and else text.
    """
    with open(path, "rb") as file:
        lines = (line for line in iter(lambda: file.readline(_MAX_FIRST_LINE), b"") if line.strip())
        first, second = next(lines, b""), next(lines, b"")
    try:
        value = json.loads(first.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        if path.suffix == ".jsonl":
            return "JSONL"
        return "JSON" if first.strip() in (b"{", b"[", b"[{") or path.suffix == ".json" else "text"
    if second:
        return "JSONL"
    nested = isinstance(value, dict) and value and all(isinstance(item, dict | list) for item in value.values())
    return "JSON" if isinstance(value, list) or nested or path.suffix == ".json" else "JSONL"


# Containers.


def _load_json(path: Path) -> Any:
    size = path.stat().st_size
    if size > MAX_DOCUMENT:
        raise BadInput(f"{path} is one JSON document of {size:,} bytes, more than {MAX_DOCUMENT:,}. Write JSONL.")
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not valid JSON: {first_line(error)}.") from None


def _list_rows(document: Any) -> Iterator[Row]:
    """Yields the rows of a list of objects, an object of objects, or an object of columns as pandas writes it."""
    if isinstance(document, list):
        yield from (row for row in document if isinstance(row, dict))
    elif isinstance(document, dict) and document:
        columns = list(document.values())
        if all(isinstance(column, dict) for column in columns):
            labels = list(columns[0])
            scalar = all(not isinstance(value, dict) for value in columns[0].values())
            if scalar and labels[:1] == ["0"] and all(list(column) == labels for column in columns):
                yield from ({name: column[label] for name, column in document.items()} for label in labels)
            else:
                yield from columns
        elif all(isinstance(column, list) and len(column) == len(columns[0]) for column in columns):
            yield from (dict(zip(document, values, strict=True)) for values in zip(*columns, strict=True))


def _read_csv(path: Path, separator: str) -> Iterator[Row]:
    import pandas as pd

    try:
        with pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, chunksize=1000, encoding="utf-8-sig"
        ) as chunks:
            for chunk in chunks:
                yield from ({str(name): value for name, value in row.items()} for row in chunk.to_dict("records"))
    except (ValueError, pd.errors.ParserError) as error:
        raise BadInput(f"{path} is not a readable table: {first_line(error)}.") from None


def _read_excel(path: Path) -> Iterator[Row]:
    """Yields the rows of the first sheet; its first row names the columns. Blank rows are left out."""
    import openpyxl

    try:
        archive = archives.open_archive(path)  # refuses bombs
        unpacked = sum(member.file_size for member in zipfile.ZipFile(path).infolist())
        if unpacked > MAX_DOCUMENT:
            raise BadInput(f"{path} unpacks to {unpacked:,} bytes, more than {MAX_DOCUMENT:,}. Write CSV.")
        del archive
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except BadInput:
        raise
    except Exception as error:  # noqa: BLE001  openpyxl raises whatever a damaged member makes it raise
        raise BadInput(f"{path} is not a readable Excel file: {first_line(error)}.") from None
    try:
        sheet = book.worksheets[0]
        sheet.reset_dimensions()  # a file may claim any number of rows
        rows = sheet.iter_rows(values_only=True, max_col=_MAX_COLUMNS + 1)
        names = [None if name is None else str(name) for name in next(rows, ())]
        if names[_MAX_COLUMNS:] != [None] * len(names[_MAX_COLUMNS:]):
            raise BadInput(f"{path} has more than {_MAX_COLUMNS} columns.")
        for values in rows:
            if any(value is not None for value in values):
                yield {name: value for name, value in zip(names, values, strict=False) if name is not None}
    except BadInput:
        raise
    except Exception as error:  # noqa: BLE001
        raise BadInput(f"{path} is not a readable Excel file: {first_line(error)}.") from None
    finally:
        book.close()


def _read_parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        claimed = sum(file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups))
        if claimed > MAX_DOCUMENT:
            raise BadInput(f"{path} unpacks to {claimed:,} bytes, more than {MAX_DOCUMENT:,}. Split it.")
        for batch in file.iter_batches(batch_size=256):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{path} is not a readable parquet file: {first_line(error)}.") from None


def take_text(value: Any) -> str | None:
    """Returns a text, a number as text, or the text parts of chat messages or content parts; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, Mapping):
        return take_text(value.get("content") if "content" in value else value.get("text"))
    if isinstance(value, list | tuple):
        parts = [text for text in map(take_text, islice(value, 1000)) if text is not None]
        return "\n".join(parts) if parts else None
    return None
