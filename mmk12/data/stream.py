"""Large derived files, written as a stream: atomic like `storage.write_bytes`, without holding them in memory."""

from __future__ import annotations

import filecmp
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mmk12.storage import writing


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that becomes `path` when the block ends well. If it holds the same bytes, `path` is not touched."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            with open(fresh, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            if not (path.is_file() and filecmp.cmp(fresh, path, shallow=False)):
                os.replace(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Removes what a killed run was writing in `folder`. Only for the one who holds the folder's lock."""
    with writing(folder):
        for path in folder.glob(".*.part"):
            path.unlink()


def sha256_of(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
