"""Computes hashes of settings and raw files, which decide whether an earlier result is still valid."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from mmk12._version import __version__
from mmk12.utils.storage import to_json

BUILD_PACKAGES = ("mmk12", "datasets", "datasketch", "numpy", "pillow", "pyarrow", "rapidfuzz")
"""The packages that the bytes of a data build depend on."""


def hash_json(*parts: Any) -> str:
    """Returns the SHA-256 of JSON values in hexadecimal."""
    return hashlib.sha256(to_json(parts).encode("utf-8", "replace")).hexdigest()


def package_versions(names: Iterable[str] = BUILD_PACKAGES) -> dict[str, str]:
    """Returns the installed version of each named package, in order; packages that are not installed are left out."""
    versions = {}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = __version__ if name == "mmk12" else metadata.version(name)
    return versions


def hash_folder(root: Path) -> str:
    """Returns the hash of names, sizes and modification times of all files below `root`; contents are not read."""
    rows = []
    for parent, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            if path.exists():  # not a dangling link
                status = path.stat()
                rows.append([str(path.relative_to(root)), status.st_size, status.st_mtime_ns])
    return hash_json(*rows)


def hash_file(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
