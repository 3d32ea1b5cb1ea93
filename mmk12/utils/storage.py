"""Reads and writes files that survive a kill: atomic derived files, append-only logs, one writer per folder.

Derived files are written to a temporary file beside the target, which then replaces it. A file whose content did not
change is not touched, so the same inputs give the same bytes and the same times. Logs only grow by whole lines; an
incomplete last line, which a kill can leave, is removed and reported.
"""

from __future__ import annotations

import errno
import filecmp
import json
import os
import platform
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

from mmk12.errors import BadInput, MissingData, OutputError, os_reason
from mmk12.types import BrokenLine

Json = Any


def to_json(value: Json) -> str:
    """Returns one line of canonical JSON: keys in the given order, fixed spaces, text not escaped."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


@contextmanager
def open_for_writing(path: Path | str) -> Iterator[None]:
    """Raises `OutputError` if the operating system refuses to write `path`."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        what = "the disk is full" if full else os_reason(error)
        raise OutputError(
            f"Cannot write {path}: {what}. Everything written before is kept; fix this and run the same command again."
        ) from error


@contextmanager
def replace_file(path: Path) -> Iterator[BinaryIO]:
    """Yields a file that replaces `path` at the end of the block, unless `path` has the same bytes already.

    What a killed process has left of an earlier attempt is removed first.
    """
    with open_for_writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        prefix = f".{os.fsdecode(os.fsencode(path.name)[:_LONGEST_NAME])}.{_HOST}-"
        _remove_parts_of_the_dead(path.parent, prefix)
        fresh = path.with_name(f"{prefix}{os.getpid()}.part")
        try:
            with open(fresh, "wb") as file:
                yield file
            replace_by(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)


def replace_by(fresh: Path, path: Path) -> None:
    """Puts the file `fresh` in the place of `path`; where that has the same bytes already, it is left alone."""
    if path.is_file() and filecmp.cmp(fresh, path, shallow=False):
        fresh.unlink()
    else:
        os.replace(fresh, path)


_LONGEST_NAME = 200
"""Bytes of a name that its temporary file repeats: file systems allow 255."""
_HOST = f"{zlib.crc32(platform.node().encode('utf-8', 'replace')):08x}"
"""The machine: process numbers of another one, on a shared disk, say nothing here."""


def _remove_parts_of_the_dead(folder: Path, prefix: str) -> None:
    """Removes temporary files of a name whose process on this machine has ended."""
    for entry in os.scandir(folder):
        if entry.name.startswith(prefix) and entry.name.endswith(".part"):
            number = entry.name[len(prefix) : -len(".part")]
            if number.isdecimal() and not _is_alive(int(number)):
                Path(entry.path).unlink(missing_ok=True)


def _is_alive(process: int) -> bool:
    if os.name == "nt":  # where signal 0 would end the process
        return True
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # it is another user's
        return True
    return True


def remove_leftovers(folder: Path) -> None:
    """Removes the temporary files of a killed run from `folder`. The caller must hold the lock of the folder."""
    with open_for_writing(folder):
        for path in folder.glob(".*.part"):
            path.unlink()


def write_bytes(path: Path, data: bytes) -> None:
    """Writes `data` to `path` atomically; a file that already holds it is not touched."""
    with open_for_writing(path):
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return
    with replace_file(path) as file:
        file.write(data)


def write_new(folder: Path, name: str, data: bytes) -> None:
    """Writes a new file into an existing folder. It is meant for thousands of small files, so it is not atomic.

    Renaming would double the cost. A kill can leave this one file incomplete, the newest of its folder, so who opens
    the folder must check that one. A write that the operating system refuses leaves no file.
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
    """Writes UTF-8 text like `write_bytes`; a lone surrogate in a model's output becomes a question mark."""
    write_bytes(path, text.encode("utf-8", "replace"))


def write_json(path: Path, value: Json) -> None:
    """Writes an indented JSON file with a final newline."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def write_jsonl(path: Path, rows: Iterable[Json]) -> None:
    """Writes one line of canonical JSON per row."""
    write_text(path, "".join(to_json(row) + "\n" for row in rows))


def read_json(path: Path) -> Json:
    """Returns the value in a JSON file. Raises `MissingData` or `BadInput`, naming the file."""
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise MissingData(f"No file {path}.") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not valid JSON: {error}.") from None


def read_jsonl(path: Path) -> Iterator[dict[str, Any] | BrokenLine]:
    """Yields the objects of a JSONL file in order, and a `BrokenLine` for each unreadable line.

    Raises `MissingData` if there is no such file.
    """
    if not path.is_file():
        raise MissingData(f"No file {path}.")
    return (row for _, row in _read_lines(path))


def _read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | BrokenLine]]:
    with open(path, "rb") as file:
        offset = 0
        for number, line in enumerate(file, 1):
            if line.strip():
                yield offset, _parse_line(line, f"{path}:{number}")
            offset += len(line)


def _parse_line(line: bytes, where: str) -> dict[str, Any] | BrokenLine:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        return BrokenLine(where, f"not valid JSON: {error}")
    if not isinstance(value, dict):
        return BrokenLine(where, f"a JSON {type(value).__name__} where an object is expected")
    return value


class AppendLog:
    """A JSONL file that only grows. Opening it removes an incomplete last line; `torn` says whether there was one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.torn = False
        with open_for_writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._remove_torn_line()

    def read(self) -> Iterator[tuple[int, dict[str, Any] | BrokenLine]]:
        """Yields (byte offset, object) for every line in order; a `BrokenLine` for an unreadable one."""
        return _read_lines(self.path) if self.path.exists() else iter(())

    def at(self, offset: int) -> dict[str, Any]:
        """Returns the object at a byte offset of `read` or `append`. Raises `BadInput` if it is not there any more."""
        with open(self.path, "rb") as file:
            file.seek(offset)
            row = _parse_line(file.readline(), f"{self.path}, byte {offset}")
        if isinstance(row, BrokenLine):
            raise BadInput(f"{row.where}: {row.reason}. Another process modified the file.")
        return row

    def append(self, rows: list[dict[str, Any]]) -> list[int]:
        """Appends whole lines and returns their byte offsets; they survive the death of this process."""
        lines = [(to_json(row) + "\n").encode("utf-8", "replace") for row in rows]
        with open_for_writing(self.path), open(self.path, "ab") as file:
            start = file.tell()
            file.write(b"".join(lines))
        return list(accumulate(map(len, lines[:-1]), initial=start)) if lines else []

    def _remove_torn_line(self) -> None:
        """Removes everything after the last newline: a kill or a full disk can only damage the end of the file."""
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
    """Holds the lock of a folder during the block. Raises `OutputError` at once if another run holds it.

    The lock of a killed run is released by the operating system.
    """
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
