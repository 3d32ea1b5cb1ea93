"""Small copies of a run's pictures for its page: made once, kept beside the run, named by content like the originals.

A line drawing of 480 pixels takes about 5 kB, so that ten thousand of them still make a file that a browser opens.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from mmk12.types import Image
from mmk12.utils import storage
from mmk12.utils.concurrency import map_in_threads
from mmk12.utils.images import BadImage, ImageStore

SIDE = 480
"""Longest side in pixels; `images/` keeps the picture that the model saw."""
_QUALITY = 70


def make_thumbnails(store: ImageStore, folder: Path, images: Iterable[Image]) -> Iterator[tuple[str, bytes]]:
    """(sha256, WebP bytes) of each picture once, in order; those that `folder` already has cost one read."""
    distinct = {image.sha256: image for image in images}
    thumbnails = map_in_threads(lambda image: _thumbnail(store, folder, image), distinct.values())
    return zip(distinct, thumbnails, strict=True)


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


# Pictures of training rows for a page: kept in the run folder by content, shown as small copies.


def read_stored_images(run: Path, pictures: Iterable[bytes]) -> list[Image]:
    """Puts encoded pictures into the run's `images/`; those that are no pictures are left out."""
    store, found = ImageStore(run / "images"), []
    for data in pictures:
        try:
            found.append(store.add(data))
        except BadImage:
            continue
    return found


def embed_images(run: Path, pictures: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """(sha256, WebP bytes) of each of these encoded pictures once."""
    return make_thumbnails(ImageStore(run / "images"), run / "thumbnails", read_stored_images(run, pictures))


_UNSAFE = re.compile("[<>&\u2028\u2029]")


def script_safe(value: Any) -> str:
    """JSON that cannot end the script element it stands in, whatever strings it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
