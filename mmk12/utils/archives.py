"""Reads tar archives, and zip archives of any suffix, in place, as if they were folders. Nothing is unpacked.

A member is bytes under a name, never a path on this machine; links, devices and names such as `../x` are ignored.
Archives are downloads and may be hostile: the total size is checked before anything is decompressed, and the size of
each member before it is read.
"""

from __future__ import annotations

import io
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol, cast

from mmk12.errors import BadInput

SUFFIXES = (".zip", ".tar")
"""Compressed tars are not supported: to reach one member, all members before it must be decompressed."""
MAX_MEMBER = 64 << 20
"""Largest member in bytes."""
MAX_RATIO = 200
"""Largest compression ratio of a zip. Images have about 1, JSON about 20, a bomb 1,000 or more."""

_ZIP_FAULTS = (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, EOFError, ValueError, OSError)
MEMBER_FAULTS = (*_ZIP_FAULTS, zlib.error, lzma.LZMAError, RuntimeError)
"""What reading a damaged member raises; `RuntimeError` if it is encrypted."""
_TAR_FAULTS = (tarfile.TarError, EOFError, ValueError, OSError)


class Archive(Protocol):
    """The regular files of an archive."""

    def names(self) -> Iterable[str]:
        """Returns the names of the members, in the order of the archive."""
        ...

    def read(self, name: str) -> bytes:
        """Returns the bytes of a member. Raises `BadInput` if it does not exist, is damaged or is too large."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Opens a member of any size to be read in pieces, which may raise `MEMBER_FAULTS`. Raises `BadInput`."""
        ...


def open_archive(path: Path) -> Archive:
    """Opens an archive; its index is cached. Raises `BadInput` if it is damaged or a decompression bomb."""
    status = path.stat()
    # The process is part of the key: after a fork, two processes would share one file position.
    return _open_cached(path, status.st_size, status.st_mtime_ns, os.getpid())


@lru_cache(maxsize=8)
def _open_cached(path: Path, size: int, _modified: int, _process: int) -> Archive:
    return _Tar(path) if path.suffix.lower() == ".tar" else _Zip(path, size)


class _Zip:
    def __init__(self, path: Path, size: int) -> None:
        self._name = path.name
        try:
            self._file = zipfile.ZipFile(path)
        except _ZIP_FAULTS as error:
            raise BadInput(f"{path.name} is not a readable zip archive: {error}.") from None
        members = self._file.infolist()
        claimed = sum(member.file_size for member in members)
        overlap = sum(member.compress_size for member in members) > size
        if overlap or claimed > max(size * MAX_RATIO, MAX_MEMBER):
            how = "its members overlap" if overlap else f"{size:,} bytes claim to hold {claimed:,}"
            raise BadInput(f"{path.name} is a decompression bomb ({how}) and is not read.")
        self._members = {member.filename: member for member in members if _is_regular(member)}

    def names(self) -> Iterable[str]:
        return self._members

    def open(self, name: str) -> BinaryIO:
        try:
            return cast(BinaryIO, self._file.open(self._find(name)))
        except MEMBER_FAULTS as error:
            raise BadInput(f"{self._name}: {name} cannot be read: {error}.") from None

    def read(self, name: str) -> bytes:
        member = self._find(name)
        if member.file_size > MAX_MEMBER:
            raise BadInput(f"{self._name}: {name} has {member.file_size:,} bytes, more than {MAX_MEMBER:,}.")
        try:
            return self._file.read(member)
        except MEMBER_FAULTS as error:
            raise BadInput(f"{self._name}: {name} cannot be read: {error}.") from None

    def _find(self, name: str) -> zipfile.ZipInfo:
        member = self._members.get(name)
        if member is None:
            raise BadInput(f"{self._name} holds no {name}.")
        return member


@dataclass(frozen=True, slots=True)
class _Span:
    start: int
    size: int


class _Tar:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._members: dict[str, _Span] = {}
        try:
            with tarfile.open(path, "r:") as tar, open(path, "rb") as file:
                while (member := tar.next()) is not None:
                    if member.isreg() and not member.sparse and _is_inside(member.name):
                        self._members[member.name.removeprefix("./")] = _Span(member.offset_data, member.size)
                file.seek(tar.offset)
                complete = file.read(tarfile.BLOCKSIZE) == bytes(tarfile.BLOCKSIZE)
        except _TAR_FAULTS as error:
            raise BadInput(f"{path.name} is not a readable, uncompressed tar archive: {error}.") from None
        if not complete:  # tarfile takes damage for the end of the archive, and rows would silently be missing
            raise BadInput(f"{path.name} is truncated after {len(self._members):,} files; fetch it again.")

    def names(self) -> Iterable[str]:
        return self._members

    def open(self, name: str) -> BinaryIO:
        return io.BytesIO(self.read(name))

    def read(self, name: str) -> bytes:
        span = self._members.get(name)
        if span is None:
            raise BadInput(f"{self._path.name} holds no {name}.")
        if span.size > MAX_MEMBER:
            raise BadInput(f"{self._path.name}: {name} has {span.size:,} bytes, more than {MAX_MEMBER:,}.")
        with open(self._path, "rb") as file:
            file.seek(span.start)
            return file.read(span.size)


def _is_regular(member: zipfile.ZipInfo) -> bool:
    kind = member.external_attr >> 16
    return not member.filename.endswith("/") and not stat.S_ISLNK(kind) and _is_inside(member.filename)


def _is_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(path.parts) and not path.is_absolute() and ".." not in path.parts
