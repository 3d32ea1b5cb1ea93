"""Hashes that say whether an earlier result would come out the same: of settings and of raw files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from mmk12.utils.storage import to_json


def hash_json(*parts: Any) -> str:
    """The sha256 of JSON values, in hexadecimal."""
    return hashlib.sha256(to_json(parts).encode("utf-8", "replace")).hexdigest()


def hash_folder(root: Path) -> str:
    """The hash of names, sizes and times of all files below `root`, as make would look at them."""
    found = []
    for parent, folders, files in os.walk(root):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            if path.exists():  # not a dangling link
                status = path.stat()
                found.append([str(path.relative_to(root)), status.st_size, status.st_mtime_ns])
    return hash_json(*found)


def hash_file(path: Path) -> str:
    """The hash of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
