"""Small copies of a run's pictures for its page: made once, kept beside the run, named by content like the originals.

A line drawing of 480 pixels takes about 5 kB, so that ten thousand of them still make a file that a browser opens.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from mmk12 import storage

if TYPE_CHECKING:
    from mmk12.images import ImageStore
    from mmk12.types import Image

SIDE = 480
"""Longest side in pixels; `images/` keeps the picture that the model saw."""
_QUALITY = 70
_WORKERS = 4


def thumbnails(store: ImageStore, folder: Path, images: Iterable[Image]) -> Iterator[tuple[str, bytes]]:
    """(sha256, WebP bytes) of each picture once, in order; those that `folder` already has cost one read."""
    distinct = {image.sha256: image for image in images}
    with ThreadPoolExecutor(_WORKERS) as pool:  # Pillow works outside the interpreter lock
        yield from zip(
            distinct, pool.map(lambda image: _thumbnail(store, folder, image), distinct.values()), strict=True
        )


def _thumbnail(store: ImageStore, folder: Path, image: Image) -> bytes:
    path = folder / f"{image.sha256}.{SIDE}.webp"
    if path.is_file():
        return path.read_bytes()
    picture = store.open(image)
    picture.thumbnail((SIDE, SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=_QUALITY, method=2)
    storage.write_bytes(path, buffer.getvalue())
    return buffer.getvalue()
