"""Writes the rows of a split into one parquet file, or into several where one would have more than `SHARD_BYTES`.

How many there will be is only known at the end, so shards are written into `.stages/` and get their names then. A kill
leaves the earlier files, or a set that `mmk12.utils.shards` calls incomplete; the same build writes it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mmk12.utils import shards, storage

SHARD_BYTES = 1_000_000_000
"""The largest parquet file in bytes: what the hub's viewer and a torn upload are comfortable with."""
_GROUP_ROWS, _GROUP_BYTES = 128, 64_000_000
"""A row group is written when either is reached: the memory that an export needs, and verl's reading unit."""


@contextmanager
def open_writer(folder: Path, split: str, schema: pa.Schema) -> Iterator[ShardWriter]:
    """Yields the writer of a split; at the end of the block its files replace those of an earlier build."""
    with storage.open_for_writing(folder):
        writer = ShardWriter(folder / ".stages", split, schema)
        try:
            yield writer
            writer.finish()
        finally:
            writer.close()
        _name_shards(folder, split, writer.paths)


def _name_shards(folder: Path, split: str, paths: list[Path]) -> None:
    names = shards.name_files(split, len(paths))
    for path, name in zip(paths, names, strict=True):
        storage.replace_by(path, folder / name)
    for stale in (folder / f"{split}.parquet", *folder.glob(f"{split}-*-of-*.parquet")):
        if stale.name not in names:
            stale.unlink(missing_ok=True)


class ShardWriter:
    """Collects rows in row groups of bounded size, and row groups in files of at most `SHARD_BYTES`.

    A single row that is larger gets a file of its own. `paths` are the files so far, under provisional names.
    """

    def __init__(self, folder: Path, split: str, schema: pa.Schema) -> None:
        self.paths: list[Path] = []
        self._folder, self._split, self._schema = folder, split, schema
        for leftover in folder.glob(f"export-{split}-*.parquet"):
            leftover.unlink()
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0
        self._file: pa.OSFile | None = None
        self._parquet: pq.ParquetWriter | None = None

    def add(self, row: dict[str, Any]) -> None:
        """Adds a row."""
        size = sum(len(image["bytes"]) for image in row["images"])
        if self._rows and self._bytes + size > min(_GROUP_BYTES, SHARD_BYTES):
            self._write_group()
        self._rows.append(row)
        self._bytes += size
        if len(self._rows) >= _GROUP_ROWS:
            self._write_group()

    def finish(self) -> None:
        """Writes what is left; a split without rows is an empty file."""
        if self._rows or not self.paths:
            self._write_group()
        self.close()

    def close(self) -> None:
        """Closes the current file."""
        if self._parquet is not None:
            self._parquet.close()
            self._parquet = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write_group(self) -> None:
        if self._file is None or self._file.tell() + self._bytes > SHARD_BYTES:
            self._start_shard()
        assert self._parquet is not None
        if self._rows:
            table = pa.Table.from_pylist(self._rows, schema=self._schema)
            self._parquet.write_table(table, row_group_size=_GROUP_ROWS)
        self._rows, self._bytes = [], 0

    def _start_shard(self) -> None:
        self.close()
        self._folder.mkdir(parents=True, exist_ok=True)
        self.paths.append(self._folder / f"export-{self._split}-{len(self.paths):05}.parquet")
        self._file = pa.OSFile(str(self.paths[-1]), "wb")
        self._parquet = pq.ParquetWriter(self._file, self._schema, compression="zstd", use_dictionary=False)
