"""What a source or benchmark reads from: its folder below `--raw-dir`, or its dataset on the hub.

A declaration file asks for rows by file name and never learns where they lie. Paths inside rows are data, so
they cannot leave the folder.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from mmk12 import storage
from mmk12.errors import BadInput
from mmk12.images import BadImage
from mmk12.types import BrokenLine, Hub


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

    def json(self, name: str) -> Any:
        """The value of a JSON file."""
        return storage.read_json(self.path(name))

    def jsonl(self, name: str) -> Iterator[dict[str, Any] | BrokenLine]:
        """The rows of a JSONL file, broken lines in their places."""
        return storage.read_jsonl(self.path(name))

    def glob(self, pattern: str) -> list[Path]:
        """The files that match, in natural order (2 before 10), so that builds do not depend on the disk."""
        assert self.folder is not None, "a hub dataset has no folder"
        return sorted(self.folder.glob(pattern), key=lambda path: [_natural(part) for part in path.parts])

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
            return self.path(ref).read_bytes()
        except (BadInput, ValueError) as error:  # outside the folder, or no possible path at all
            raise BadImage(str(error)) from None
        except OSError as error:
            raise BadImage(f"{ref}: {(error.strerror or str(error)).lower()}") from None

    def hub(self, hub: Hub) -> Iterator[dict[str, Any]]:
        """The rows of a hub dataset, pictures as encoded bytes (`{"bytes", "path"}`), never decoded by it."""
        import datasets

        loaded = datasets.load_dataset(hub.id, hub.config, split=hub.split, revision=hub.revision)
        for name, feature in loaded.features.items():
            if isinstance(feature, datasets.Image):
                loaded = loaded.cast_column(name, datasets.Image(decode=False))
        yield from loaded


def _natural(part: str) -> tuple[int, int, str]:
    digits = part.split(".")[0]
    return (0, int(digits), part) if digits.isdecimal() and len(digits) < 19 else (1, 0, part)
