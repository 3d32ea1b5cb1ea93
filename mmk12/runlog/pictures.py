"""Pictures of training rows for a page: kept in the run folder by content, shown as small copies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from mmk12.images import BadImage, ImageStore
from mmk12.report.thumbnails import thumbnails
from mmk12.types import Image


def stored(run: Path, pictures: Iterable[bytes]) -> list[Image]:
    """Puts encoded pictures into the run's `images/`; those that are no pictures are left out."""
    store, found = ImageStore(run / "images"), []
    for data in pictures:
        try:
            found.append(store.add(data))
        except BadImage:
            continue
    return found


def shown_pictures(run: Path, pictures: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    """(sha256, WebP bytes) of each of these encoded pictures once."""
    return thumbnails(ImageStore(run / "images"), run / "thumbnails", stored(run, pictures))
