"""Brings the responses for `mmk12 verify` into a plain file, which is read twice: from a pipe, or from gzip."""

from __future__ import annotations

import gzip
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mmk12.errors import BadInput, MissingData

STDIN = Path("-")
MAX_RATIO = 200
"""Largest compression ratio of a gzip file. JSON has about 20, a bomb 1,000."""
_BLOCK = 1 << 20


@contextmanager
def open_responses(file: Path) -> Iterator[Path]:
    """Yields a plain file with the rows of `file`: itself, or a temporary copy of standard input (`-`) or of a `.gz`.

    Raises `MissingData` without such a file, and `BadInput` for gzip that is damaged or a decompression bomb.
    """
    if file != STDIN and file.suffix != ".gz":
        yield file
        return
    with tempfile.NamedTemporaryFile(prefix="mmk12-verify-", suffix=".jsonl") as copy:
        if file == STDIN:
            _copy(sys.stdin.buffer, copy, None)
        else:
            _unpack(file, copy)
        copy.flush()
        yield Path(copy.name)


def _unpack(file: Path, copy: IO[bytes]) -> None:
    if not file.is_file():
        raise MissingData(f"No file {file}.")
    try:
        with gzip.open(file) as source:
            whole = _copy(source, copy, _BLOCK + MAX_RATIO * file.stat().st_size)
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{file} is not readable gzip: {error}. Unpack it to see where it ends.") from None
    if not whole:
        raise BadInput(f"{file} unpacks to more than {MAX_RATIO} times its size. Unpack it yourself if you trust it.")


def _copy(source: IO[bytes] | gzip.GzipFile, copy: IO[bytes], limit: int | None) -> bool:
    """Copies in blocks; returns whether all of it was below `limit` bytes."""
    size = 0
    while block := source.read(_BLOCK):
        size += len(block)
        if limit is not None and size > limit:
            return False
        copy.write(block)
    return True
