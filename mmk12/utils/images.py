"""Pictures by content: decoded once, made plain RGB, stored under the hash of their pixels.

What a model sees must not depend on how a file was written. So every image is rotated as EXIF says, its
transparency is laid on white (66 of the 500 K12 figures are really transparent; a bare `convert("RGB")` turns
their background black), and sides under 28 pixels are padded with white, because several processors refuse them.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mmk12.errors import MissingData
from mmk12.types import Image
from mmk12.utils import storage

if TYPE_CHECKING:
    from PIL import Image as Pillow


MIN_SIDE = 28
"""Smallest side in pixels after padding: Qwen-VL processors reject less."""
MAX_PIXELS = 64_000_000
"""Larger pictures are refused before they are decoded (decompression bombs)."""

_ORIENTATION = 0x0112
"""The EXIF tag that says how a camera was held."""
_STORED = re.compile(r"[0-9a-f]{64}\.(png|jpg)")
"""The names of a store's files."""
_TICK = 0.1
"""Seconds within which two files may seem to have been written at once: the clock of a file system is coarse."""
_LFS_POINTER = b"version https://git-lfs"
_KEPT_FORMATS = {"PNG": ".png", "JPEG": ".jpg"}


class BadImage(ValueError):
    """Bytes that cannot be used as a picture; the message is the reason a drop ledger shows."""


def decode(data: bytes) -> tuple[Pillow.Image, str | None]:
    """The plain RGB picture in `data`, and the file suffix if the bytes can be kept as they are.

    Raises `BadImage` with the reason when the bytes are no picture, are cut short or are too large.
    """
    from PIL import Image as Pillow
    from PIL import ImageOps, UnidentifiedImageError

    if data.startswith(_LFS_POINTER):
        raise BadImage("a git-lfs pointer, not a picture (run `git lfs pull` where it came from)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # size is checked here; odd metadata is not our business
            opened = Pillow.open(io.BytesIO(data))
            if opened.width * opened.height > MAX_PIXELS:
                raise BadImage(f"{opened.width} x {opened.height} pixels, more than {MAX_PIXELS:,}")
            opened.load()
    except BadImage:
        raise
    except UnidentifiedImageError:  # its own message holds a memory address, and a ledger must not
        raise BadImage("not a readable picture (no known format)") from None
    except (OSError, SyntaxError, ValueError, EOFError, Pillow.DecompressionBombError) as error:
        raise BadImage(f"not a readable picture ({error})") from None
    turned = opened.getexif().get(_ORIENTATION)
    picture = _on_white(ImageOps.exif_transpose(opened) if turned else opened)
    padded = _padded(picture)
    plain = padded is picture and opened.mode in ("RGB", "L", "1") and not turned
    return padded, _KEPT_FORMATS.get(opened.format or "") if plain else None


def _on_white(picture: Pillow.Image) -> Pillow.Image:
    from PIL import Image as Pillow

    if picture.mode in (
        "I;16",
        "I",
        "F",
    ):  # high-depth greys: Pillow's own conversion clips instead of scaling
        low, high = picture.getextrema()
        span = (high - low) or 1  # type: ignore[operator]
        picture = picture.convert("F").point(lambda value: (value - low) * 255.0 / span).convert("L")
    if not picture.has_transparency_data:
        return picture if picture.mode == "RGB" else picture.convert("RGB")
    rgba = picture.convert("RGBA")
    white = Pillow.new("RGBA", rgba.size, (255, 255, 255, 255))
    return Pillow.alpha_composite(white, rgba).convert("RGB")


def _padded(picture: Pillow.Image) -> Pillow.Image:
    from PIL import Image as Pillow

    width, height = max(picture.width, MIN_SIDE), max(picture.height, MIN_SIDE)
    if (width, height) == picture.size:
        return picture
    canvas = Pillow.new("RGB", (width, height), (255, 255, 255))
    canvas.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return canvas


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decoded picture on its way into a store: `data` is what its file will hold, None if the file is there.

    `seen` is what the store's watch made of the picture.
    """

    image: Image
    suffix: str
    data: bytes | None
    seen: Any


class Watch(Protocol):
    """Someone who wants to look at every picture while it is decoded, once."""

    def examine(self, picture: Pillow.Image) -> Any:
        """What is worth keeping of a picture. Called from several threads."""
        ...

    def report(self, image: Image, seen: Any) -> None:
        """Takes what `examine` made of a picture that has been stored, in the order of storing."""
        ...


class ImageStore:
    """A folder of pictures named by the sha256 of their pixels; equal pictures are stored once."""

    def __init__(self, folder: Path, watch: Watch | None = None) -> None:
        self.folder = folder
        self.watch = watch
        self._opening = threading.Lock()

    def add(self, data: bytes) -> Image:
        """Stores the picture in `data`. Raises `BadImage`; the store is unchanged then."""
        return self.keep(self.prepare(data))

    def prepare(self, data: bytes) -> Prepared:
        """All the work of `add` that several threads may do at once; stores nothing. Raises `BadImage`."""
        picture, suffix = decode(data)
        digest = _digest(picture)
        image = Image(digest, picture.width, picture.height)
        encoded = None if digest in self._stored else data if suffix else _png(picture)
        return Prepared(image, suffix or ".png", encoded, self.watch.examine(picture) if self.watch else None)

    def keep(self, prepared: Prepared) -> Image:
        """The rest of `add`, for one thread: of equal pictures in different files, the first is kept in any build."""
        image = prepared.image
        if prepared.data is not None and image.sha256 not in self._stored:
            storage.write_new(self.folder, f"{image.sha256}{prepared.suffix}", prepared.data)
            self._stored.add(image.sha256)
        if self.watch:
            self.watch.report(image, prepared.seen)
        return image

    @property
    def _stored(self) -> set[str]:
        """The pictures that are there. Asking the disk for each one costs as much as a small picture."""
        with self._opening:  # several threads may be the first to ask
            return self._found

    @cached_property
    def _found(self) -> set[str]:
        with storage.open_for_writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            written = {path: path.stat().st_mtime for path in self.files()}
            newest = max(written.values(), default=0.0)
            for path, when in written.items():
                if when > newest - _TICK and not _is_whole(path):
                    path.unlink()
        return {path.stem for path in self.files()}

    def files(self) -> Iterator[Path]:
        """The stored pictures, in no order."""
        return (path for path in self.folder.glob("*") if _STORED.fullmatch(path.name))

    def path(self, image: Image) -> Path:
        """The file that holds `image`. Raises `MissingData` if it is not in the store."""
        found = self._find(image)
        if found is None:
            raise MissingData(f"Image {image.sha256[:12]}… is not in {self.folder}. Rerun the command that filled it.")
        return found

    def open(self, image: Image) -> Pillow.Image:
        """The picture, decoded: RGB, `image.width` x `image.height`."""
        return decode(self.path(image).read_bytes())[0]

    def _find(self, image: Image) -> Path | None:
        for suffix in _KEPT_FORMATS.values():
            path = self.folder / f"{image.sha256}{suffix}"
            if os.path.exists(path):
                return path
        return None


def _is_whole(path: Path) -> bool:
    """Whether a file of a store holds the picture it is named by. A kill can have cut the last one short."""
    try:
        return _digest(decode(path.read_bytes())[0]) == path.stem
    except BadImage:
        return False


def _digest(picture: Pillow.Image) -> str:
    hashed = hashlib.sha256(b"RGB %d %d " % picture.size)
    hashed.update(picture.tobytes())
    return hashed.hexdigest()


def _png(picture: Pillow.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


_BLANK_SIDE = 224


def make_white_png() -> bytes:
    """The picture of a text-only row."""
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.new("RGB", (_BLANK_SIDE, _BLANK_SIDE), (255, 255, 255)).save(buffer, "PNG")
    return buffer.getvalue()
