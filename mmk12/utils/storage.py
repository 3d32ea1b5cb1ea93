"""Files that survive a kill: atomic derived files, append-only logs, one writer per folder.

Derived files are written whole to a neighbour and renamed, and not touched at all when nothing changed, so the
same inputs leave the same bytes and the same times. Logs only ever grow by whole lines; what a kill left of a
last line is dropped and said.
"""

from __future__ import annotations

import errno
import filecmp
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

from mmk12.errors import BadInput, MissingData, OutputError, os_reason
from mmk12.types import BrokenLine

Json = Any


def to_json(value: Json) -> str:
    """One line of canonical JSON: keys in the order given, no spaces to differ in, text as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


@contextmanager
def open_for_writing(path: Path | str) -> Iterator[None]:
    """Turns the operating system's refusal to write `path` into one clear line."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        what = "the disk is full" if full else os_reason(error)
        raise OutputError(
            f"Cannot write {path}: {what}. What was written before is kept; mend it and run the same command again."
        ) from error


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """A file that becomes `path` when the block ends well. If it holds the same bytes, `path` is not touched."""
    with open_for_writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with open(fresh, "wb") as file:
                yield file
            if not (path.is_file() and filecmp.cmp(fresh, path, shallow=False)):
                os.replace(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Removes what a killed run was writing in `folder`. Only for the one who holds the folder's lock."""
    with open_for_writing(folder):
        for path in folder.glob(".*.part"):
            path.unlink()


def write_bytes(path: Path, data: bytes) -> None:
    """Makes `path` hold exactly `data`, atomically, and touches nothing if it did already."""
    with open_for_writing(path):
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return
    with replace_file(path) as file:
        file.write(data)


def write_new(folder: Path, name: str, data: bytes) -> None:
    """Makes a file of an existing folder that is not there yet. For thousands of small ones.

    A renaming would double what it costs the disk. So a kill may leave this one file cut short, the newest of its
    folder, and whoever opens the folder looks at that one. A refused write leaves none.
    """
    path = f"{folder}/{name}"  # a Path costs as much as the file
    with open_for_writing(path):
        try:
            with open(path, "wb") as file:
                file.write(data)
        except BaseException:
            Path(path).unlink(missing_ok=True)
            raise


def write_text(path: Path, text: str) -> None:
    """`write_bytes` in UTF-8; a lone surrogate from a model becomes a replacement mark."""
    write_bytes(path, text.encode("utf-8", "replace"))


def write_json(path: Path, value: Json) -> None:
    """An indented JSON file with a final newline."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def write_jsonl(path: Path, rows: Iterable[Json]) -> None:
    """One line of canonical JSON per row."""
    write_text(path, "".join(to_json(row) + "\n" for row in rows))


def read_json(path: Path) -> Json:
    """The value in a JSON file. Raises `MissingData` or `BadInput`, naming the file."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise MissingData(f"No file {path}.") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not valid JSON: {error}.") from None


def read_jsonl(path: Path) -> Iterator[dict[str, Any] | BrokenLine]:
    """The objects of a JSONL file, in order and one at a time; unreadable lines in their places."""
    if not path.is_file():
        raise MissingData(f"No file {path}.")
    return (row for _, row in _lines(path))


def _lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | BrokenLine]]:
    with open(path, "rb") as file:
        place = 0
        for number, line in enumerate(file, 1):
            if line.strip():
                yield place, _parsed(line, f"{path}:{number}")
            place += len(line)


def _parsed(line: bytes, where: str) -> dict[str, Any] | BrokenLine:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return BrokenLine(where, f"not valid JSON: {error}")
    if not isinstance(value, dict):
        return BrokenLine(where, f"a JSON {type(value).__name__} where an object is expected")
    return value


class AppendLog:
    """A JSONL file that only grows. Opening it mends a torn last line, and `torn` says so."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = False
        with open_for_writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._mend()

    def read(self) -> Iterator[tuple[int, dict[str, Any] | BrokenLine]]:
        """Every line in order with its place in the file, one at a time; unreadable ones as what is wrong with them."""
        return _lines(self.path) if self.path.exists() else iter(())

    def at(self, place: int) -> dict[str, Any]:
        """The object at a place that `read` or `append` has named. Raises `BadInput` if it is not there any more."""
        with open(self.path, "rb") as file:
            file.seek(place)
            row = _parsed(file.readline(), f"{self.path}, byte {place}")
        if isinstance(row, BrokenLine):
            raise BadInput(f"{row.where}: {row.reason}. Somebody wrote into the file while it was in use.")
        return row

    def append(self, rows: list[dict[str, Any]]) -> list[int]:
        """Adds whole lines, and says at which places; what is written survives the death of this process."""
        lines = [(to_json(row) + "\n").encode("utf-8", "replace") for row in rows]
        with open_for_writing(self.path), open(self.path, "ab") as file:
            start = file.tell()
            file.write(b"".join(lines))
        return list(accumulate(map(len, lines[:-1]), initial=start)) if lines else []

    def _mend(self) -> None:
        """Cuts what follows the last newline: a kill or a full disk can only tear the end of the file."""
        if not self.path.exists():
            return
        with open(self.path, "rb+") as file:
            end = position = file.seek(0, os.SEEK_END)
            while position > 0:
                start = max(0, position - 65536)
                file.seek(start)
                newline = file.read(position - start).rfind(b"\n")
                if newline >= 0:
                    position = start + newline + 1
                    break
                position = start
            if position < end:
                self.torn = True
                file.truncate(position)


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Holds the folder's lock; a second run on it is refused at once. A killed run leaves nothing to clean up."""
    import filelock

    with open_for_writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise OutputError(f"Another run is writing {folder}. Wait for it, or choose another --out.") from None
    try:
        yield
    finally:
        lock.release()
