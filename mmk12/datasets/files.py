"""`Files`: what a source or benchmark reads from, its folder below `--raw-dir` or its dataset on the hub.

A content file asks for rows by file name and does not know where the folder is. Names may lead into an archive
(`train.zip/train/7/data.json`), which is read in place. Paths in rows are untrusted, so they cannot leave the folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from mmk12.datasets import json_stream, safe_pickle
from mmk12.datasets.hub import read_rows
from mmk12.errors import BadInput, os_reason
from mmk12.types import BrokenLine, HubDataset, Row
from mmk12.utils import archives, storage
from mmk12.utils.images import BadImage


@dataclass(frozen=True, slots=True)
class Files:
    """A folder in the upstream layout of a dataset; `folder` is None if the hub is used instead, at `commit`."""

    folder: Path | None
    commit: str | None = None

    def path(self, name: str) -> Path:
        """Returns the path of the file `name`. Raises `BadInput` if the name points outside the folder."""
        assert self.folder is not None, "a hub dataset has no folder"
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise BadInput(f"The path '{name}' points outside its folder.")
        return self.folder / relative

    def read(self, name: str) -> bytes:
        """Returns the bytes of a file or of an archive member. Raises `BadInput` or `OSError`."""
        path, member = self._split_path(name)
        if member:
            return archives.open_archive(path).read(member)
        if path.stat().st_size > archives.MAX_MEMBER:
            raise BadInput(f"{name} has more than {archives.MAX_MEMBER:,} bytes.")
        return path.read_bytes()

    def json(self, name: str) -> Any:
        """Returns the value of a JSON file. Raises `MissingData` or `BadInput`."""
        return storage.read_json(self.path(name))

    def jsonl(self, name: str) -> Iterator[dict[str, Any] | BrokenLine]:
        """Yields the rows of a JSONL file, and a `BrokenLine` for each unreadable line."""
        for row in storage.read_jsonl(self.path(name)):
            yield row if isinstance(row, dict) else BrokenLine(f"{name}:{row.where.rpartition(':')[2]}", row.reason)

    def items(self, pattern: str, key: str | None = None) -> Iterator[dict[str, Any] | BrokenLine]:
        """Yields the objects of the JSON array in each matching file, one in memory at a time.

        With `key`, the file holds an object, and the array is the value of that key. A pattern may lead into archives.
        """
        for name in self.names(pattern):
            yield from _objects(name, json_stream.iter_items(partial(self._open, name), name, key))

    def pickled(self, pattern: str) -> Iterator[dict[str, Any] | BrokenLine]:
        """Yields the dicts of the list in each matching pickle; no code in it is executed (`safe_pickle`)."""
        for path in self.glob(pattern):
            yield from _objects(path.name, safe_pickle.read_pickle_rows(path))

    def glob(self, pattern: str) -> list[Path]:
        """Returns the matching files in natural order (2 before 10), whatever order the file system has."""
        assert self.folder is not None, "a hub dataset has no folder"
        return sorted(self.folder.glob(pattern), key=lambda path: [_natural(part) for part in path.parts])

    def names(self, pattern: str) -> list[str]:
        """Returns the matching names below the folder, in natural order.

        A pattern may lead into archives: `a.zip/*.json`, or `a.zip/**` for all members. Raises `BadInput` if an
        archive cannot be read.
        """
        outer, inner = _split(pattern)
        outer_files = [(path, path.relative_to(self.folder or path).as_posix()) for path in self.glob(outer)]
        if not inner:
            return [name for _, name in outer_files]
        members = [
            f"{name}/{member}"
            for path, name in outer_files
            for member in archives.open_archive(path).names()
            if _matches(member, inner)
        ]
        return sorted(members, key=lambda name: [_natural(part) for part in name.split("/")])

    def parquet(self, pattern: str) -> Iterator[dict[str, Any]]:
        """Yields the rows of all matching parquet files, one record batch in memory at a time. Raises `BadInput`."""
        import pyarrow.lib
        import pyarrow.parquet as pq

        for path in self.glob(pattern):
            try:
                for batch in pq.ParquetFile(path).iter_batches(batch_size=256):
                    yield from batch.to_pylist()
            except (pyarrow.lib.ArrowException, OSError, ValueError) as error:  # damage shows in all three ways
                raise BadInput(f"{path} is not a readable parquet file: {error}.") from None

    def image(self, ref: str | bytes) -> bytes:
        """Returns the encoded bytes of an image that a row names or contains. Raises `BadImage`."""
        if isinstance(ref, bytes):
            return ref
        try:
            return self.read(ref)
        except (BadInput, ValueError) as error:  # outside the folder, no such member, or not a possible path
            raise BadImage(str(error)) from None
        except OSError as error:
            raise BadImage(os_reason(error)) from None

    def hub(self, hub: HubDataset) -> Iterator[Row]:
        """Yields the rows of a hub dataset at the commit of these files, images as encoded bytes (`hub.read_rows`)."""
        return read_rows(replace(hub, revision=self.commit or hub.revision))

    def _open(self, name: str) -> BinaryIO:
        path, member = self._split_path(name)
        return archives.open_archive(path).open(member) if member else open(path, "rb")

    def _split_path(self, name: str) -> tuple[Path, str]:
        """Returns the archive that `name` leads into and the name of the member; else the file of that name and ""."""
        outer, inner = _split(name)
        if inner and (path := self.path(outer)).is_file():
            return path, inner
        return self.path(name), ""


def _objects(where: str, items: Iterable[Any]) -> Iterator[dict[str, Any] | BrokenLine]:
    for number, item in enumerate(items):
        is_row = isinstance(item, dict | BrokenLine)
        yield item if is_row else BrokenLine(f"{where}, item {number}", f"a {type(item).__name__}, not an object")


def _split(name: str) -> tuple[str, str]:
    """Splits a name at an archive: `a/b.zip/c/d` -> (`a/b.zip`, `c/d`); without an archive, (`name`, "")."""
    parts = name.split("/")
    for count, part in enumerate(parts[:-1], 1):
        if part.lower().endswith(archives.SUFFIXES):
            return "/".join(parts[:count]), "/".join(parts[count:])
    return name, ""


def _matches(member: str, pattern: str) -> bool:
    parts, patterns = member.split("/"), pattern.split("/")
    return pattern == "**" or (len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns)))


def _natural(part: str) -> tuple[int, int, str]:
    digits = part.split(".")[0]
    return (0, int(digits), part) if digits.isdecimal() and len(digits) < 19 else (1, 0, part)
