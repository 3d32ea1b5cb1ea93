"""What a source or benchmark reads from: its folder below `--raw-dir`, or its dataset on the hub.

A declaration file asks for rows by file name and never learns where they lie. Names may lead into an archive
(`train.zip/train/7/data.json`), which is read in place. Paths inside rows are data, so they cannot leave the folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from mmk12.datasets import archives, json_stream, safe_pickle
from mmk12.errors import BadInput, os_reason
from mmk12.types import BrokenLine, HubDataset
from mmk12.utils import storage
from mmk12.utils.images import BadImage


@dataclass(frozen=True, slots=True)
class Files:
    """A folder in the dataset's upstream layout; `folder` is None when the hub is used instead."""

    folder: Path | None

    def path(self, name: str) -> Path:
        """The file `name` of the folder. Raises `BadInput` when the name points outside of it."""
        assert self.folder is not None, "a hub dataset has no folder"
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts:
            raise BadInput(f"The path '{name}' points outside its folder.")
        return self.folder / relative

    def read(self, name: str) -> bytes:
        """The bytes of a file or of a member of an archive. Raises `BadInput` or `OSError`."""
        path, member = self._found(name)
        if member:
            return archives.open_archive(path).read(member)
        if path.stat().st_size > archives.MAX_MEMBER:
            raise BadInput(f"{name} has more than {archives.MAX_MEMBER:,} bytes.")
        return path.read_bytes()

    def json(self, name: str) -> Any:
        """The value of a JSON file."""
        return storage.read_json(self.path(name))

    def jsonl(self, name: str) -> Iterator[dict[str, Any] | BrokenLine]:
        """The rows of a JSONL file, broken lines in their places."""
        for row in storage.read_jsonl(self.path(name)):
            yield row if isinstance(row, dict) else BrokenLine(f"{name}:{row.where.rpartition(':')[2]}", row.reason)

    def items(self, pattern: str, key: str | None = None) -> Iterator[dict[str, Any] | BrokenLine]:
        """The objects in the JSON array, or in that under `key`, of each file that matches, one in memory at a time."""
        for path in self.glob(pattern):
            yield from _objects(path, json_stream.iter_items(path, key))

    def pickled(self, pattern: str) -> Iterator[dict[str, Any] | BrokenLine]:
        """The dicts in the list of each pickle that matches, read by `unpickle`: no code of theirs is run."""
        for path in self.glob(pattern):
            yield from _objects(path, safe_pickle.read_pickle_rows(path))

    def glob(self, pattern: str) -> list[Path]:
        """The files that match, in natural order (2 before 10), so that builds do not depend on the disk."""
        assert self.folder is not None, "a hub dataset has no folder"
        return sorted(self.folder.glob(pattern), key=lambda path: [_natural(part) for part in path.parts])

    def names(self, pattern: str) -> list[str]:
        """The names below the folder that match, in natural order; a pattern may lead into archives (`a.zip/*.json`,
        `a.zip/**` for all of it). Raises `BadInput` when an archive cannot be read."""
        outer, inner = _split(pattern)
        found = [(path, path.relative_to(self.folder or path).as_posix()) for path in self.glob(outer)]
        if not inner:
            return [name for _, name in found]
        members = [
            f"{name}/{member}"
            for path, name in found
            for member in archives.open_archive(path).names()
            if _matches(member, inner)
        ]
        return sorted(members, key=lambda name: [_natural(part) for part in name.split("/")])

    def parquet(self, pattern: str) -> Iterator[dict[str, Any]]:
        """The rows of all parquet files that match, one record batch in memory at a time."""
        import pyarrow.lib
        import pyarrow.parquet as pq

        for path in self.glob(pattern):
            try:
                for batch in pq.ParquetFile(path).iter_batches(batch_size=256):
                    yield from batch.to_pylist()
            except pyarrow.lib.ArrowException as error:
                raise BadInput(f"{path} is not a readable parquet file: {error}.") from None

    def image(self, ref: str | bytes) -> bytes:
        """The encoded bytes of an image named in a row, or given by it. Raises `BadImage`."""
        if isinstance(ref, bytes):
            return ref
        try:
            return self.read(ref)
        except (BadInput, ValueError) as error:  # outside the folder, no member, or no possible path at all
            raise BadImage(str(error)) from None
        except OSError as error:
            raise BadImage(os_reason(error)) from None

    def hub(self, hub: HubDataset) -> Iterator[dict[str, Any]]:
        """The rows of a hub dataset, pictures as encoded bytes (`{"bytes", "path"}`), never decoded by it."""
        import datasets

        loaded = datasets.load_dataset(hub.id, hub.config, split=hub.split, revision=hub.revision)
        for name, feature in loaded.features.items():
            if isinstance(feature, datasets.Image):
                loaded = loaded.cast_column(name, datasets.Image(decode=False))
        yield from loaded

    def _found(self, name: str) -> tuple[Path, str]:
        """The archive that `name` leads into and the member's name there; else the file of that name and ""."""
        outer, inner = _split(name)
        if inner and (path := self.path(outer)).is_file():
            return path, inner
        return self.path(name), ""


def _objects(path: Path, items: Iterable[Any]) -> Iterator[dict[str, Any] | BrokenLine]:
    for number, item in enumerate(items):
        is_row = isinstance(item, dict | BrokenLine)
        yield item if is_row else BrokenLine(f"{path.name}, item {number}", f"a {type(item).__name__}, not an object")


def _split(name: str) -> tuple[str, str]:
    """`a/b.zip/c/d` -> (`a/b.zip`, `c/d`); (`name`, "") without an archive on the way."""
    parts = name.split("/")
    for count, part in enumerate(parts[:-1], 1):
        if part.lower().endswith(archives.SUFFIXES):
            return "/".join(parts[:count]), "/".join(parts[count:])
    return name, ""


def _matches(member: str, pattern: str) -> bool:
    parts, wanted = member.split("/"), pattern.split("/")
    return pattern == "**" or (len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted)))


def _natural(part: str) -> tuple[int, int, str]:
    digits = part.split(".")[0]
    return (0, int(digits), part) if digits.isdecimal() and len(digits) < 19 else (1, 0, part)
