"""Decodes images to plain RGB and stores them under the hash of their pixels.

What a model sees must not depend on how a file was written. So every image is rotated as its EXIF tag says,
transparency is blended onto white (66 of the 500 K12 figures are transparent; a bare `convert("RGB")` turns their
background black), and sides under 28 pixels are padded with white, because several processors reject them.
"""

from __future__ import annotations

import hashlib
import io
import math
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
"""Larger images are rejected before they are decoded (decompression bombs). Counted as they are after padding."""
MAX_SIDE = 65_535
"""Largest side in pixels, that of JPEG: rows of one pixel cost a decoder more than their pixels."""

_ORIENTATION = 0x0112
"""The EXIF tag of the rotation."""
_FILE_NAME = re.compile(r"[0-9a-f]{64}\.(png|jpg)")
"""The names of the files in an `ImageStore`."""
_CLOCK_RESOLUTION = 0.1
"""Seconds by which the modification times of a file system may be wrong."""
_LFS_POINTER = b"version https://git-lfs"
_KEPT_FORMATS = {"PNG": ".png", "JPEG": ".jpg"}
_END_MARKS = {".png": b"IEND\xaeB`\x82", ".jpg": b"\xff\xd9"}
_TAIL = 8
"""Bytes of the longest end mark."""


class BadImage(ValueError):
    """Bytes that are not a usable image; the message is the reason that drops.jsonl shows."""


def decode(data: bytes) -> tuple[Pillow.Image, str | None]:
    """Returns the RGB image in `data`, and its file suffix if the encoded bytes can be stored unchanged, else None.

    Raises `BadImage` if the bytes are not an image, are incomplete, or have more than `MAX_PIXELS` or `MAX_SIDE`.
    """
    if data.startswith(_LFS_POINTER):
        raise BadImage("a git-lfs pointer, not an image (run `git lfs pull` where it came from)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the size is checked here, and metadata does not matter
            return _decode(data)
    except BadImage:
        raise
    except MemoryError:
        raise BadImage("not a readable image (its decoder asks for more memory than there is)") from None
    except Exception as error:  # noqa: BLE001 - decoders raise anything on damaged files, no list is complete
        raise BadImage(f"not a readable image ({_describe(error)})") from None


def _decode(data: bytes) -> tuple[Pillow.Image, str | None]:
    from PIL import Image as Pillow
    from PIL import ImageOps

    opened = Pillow.open(io.BytesIO(data))
    if opened.format == "EPS":
        raise BadImage("EPS is a program, which only Ghostscript could run")
    width, height = opened.size
    if max(width, MIN_SIDE) * max(height, MIN_SIDE) > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise BadImage(f"{width} x {height} pixels, more than {MAX_PIXELS:,} or a side of more than {MAX_SIDE:,}")
    opened.load()
    turned = _is_turned(opened)
    pil_image = _on_white(ImageOps.exif_transpose(opened) if turned else opened)
    padded = _padded(pil_image)
    plain = padded is pil_image and opened.mode in ("RGB", "L", "1") and not turned
    return padded, _KEPT_FORMATS.get(opened.format or "") if plain else None


def _is_turned(opened: Pillow.Image) -> bool:
    """Returns whether the EXIF tag asks for a rotation. Damaged EXIF data, common in scraped images, asks for none."""
    try:
        return opened.getexif().get(_ORIENTATION) in range(2, 9)
    except Exception:  # noqa: BLE001 - as for decoders; the pixels are sound all the same
        return False


def _describe(error: Exception) -> str:
    from PIL import UnidentifiedImageError

    # The message of an unknown format holds a memory address, which would change from run to run.
    return "no known format" if isinstance(error, UnidentifiedImageError) else f"{error}" or type(error).__name__


def _on_white(pil_image: Pillow.Image) -> Pillow.Image:
    from PIL import Image as Pillow

    if pil_image.mode in ("I;16", "I", "F"):  # more than 8 bits: Pillow's own conversion clips instead of scaling
        low, high = pil_image.getextrema()
        span = (high - low) or 1  # type: ignore[operator]
        pil_image = pil_image.convert("F").point(lambda value: (value - low) * 255.0 / span).convert("L")
    if not pil_image.has_transparency_data:
        return pil_image if pil_image.mode == "RGB" else pil_image.convert("RGB")
    rgba = pil_image.convert("RGBA")
    white = Pillow.new("RGBA", rgba.size, (255, 255, 255, 255))
    return Pillow.alpha_composite(white, rgba).convert("RGB")


def _padded(pil_image: Pillow.Image) -> Pillow.Image:
    from PIL import Image as Pillow

    width, height = max(pil_image.width, MIN_SIDE), max(pil_image.height, MIN_SIDE)
    if (width, height) == pil_image.size:
        return pil_image
    canvas = Pillow.new("RGB", (width, height), (255, 255, 255))
    canvas.paste(pil_image, ((width - pil_image.width) // 2, (height - pil_image.height) // 2))
    return canvas


@dataclass(frozen=True, slots=True)
class PixelBounds:
    """The least and most pixels of a picture that a model is shown; None is no bound."""

    least: int | None = None
    most: int | None = None

    def fit(self, pil_image: Pillow.Image) -> Pillow.Image:
        """Returns the picture within the bounds: scaled by Lanczos, its proportions kept up to whole pixels.

        No side becomes smaller than `MIN_SIDE` or larger than `MAX_SIDE`.
        """
        from PIL import Image as Pillow

        pixels = pil_image.width * pil_image.height
        target = min(max(pixels, self.least or 0), self.most or MAX_PIXELS)
        if target == pixels:
            return pil_image
        scale = math.sqrt(target / pixels)
        to_whole = math.floor if scale < 1 else math.ceil
        width, height = (
            min(max(to_whole(side * scale), MIN_SIDE), MAX_SIDE) for side in (pil_image.width, pil_image.height)
        )
        return pil_image.resize((width, height), Pillow.Resampling.LANCZOS)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A decoded image before it is stored: `data` is the content of its file, None if the store has it already.

    `seen` is the result of the store's observer.
    """

    image: Image
    suffix: str
    data: bytes | None
    seen: Any


NO_BOUNDS = PixelBounds()


class Watch(Protocol):
    """An observer that looks at every image once, while it is decoded."""

    def examine(self, pil_image: Pillow.Image) -> Any:
        """Returns what is worth keeping of a decoded image. Called from several threads."""
        ...

    def report(self, image: Image, seen: Any) -> None:
        """Receives the result of `examine` for each stored image, in the order of storing."""
        ...


class ImageStore:
    """A folder of images named by the SHA-256 of their pixels; equal images are stored once.

    Images that are added are brought within `bounds`; `watch` sees them after that.
    """

    def __init__(self, folder: Path, watch: Watch | None = None, bounds: PixelBounds = NO_BOUNDS) -> None:
        self.folder = folder
        self.watch = watch
        self.bounds = bounds
        self._opening = threading.Lock()

    def add(self, data: bytes) -> Image:
        """Stores the image in `data`. Raises `BadImage`, and then stores nothing."""
        return self.keep(self.prepare(data))

    def prepare(self, data: bytes) -> Prepared:
        """Does the part of `add` that may run in several threads; stores nothing. Raises `BadImage`."""
        decoded, suffix = decode(data)
        pil_image = self.bounds.fit(decoded)
        suffix = suffix if pil_image is decoded else None
        digest = _digest(pil_image)
        image = Image(digest, pil_image.width, pil_image.height)
        encoded = None if digest in self._stored else data if suffix else _png(pil_image)
        return Prepared(image, suffix or ".png", encoded, self.watch.examine(pil_image) if self.watch else None)

    def keep(self, prepared: Prepared) -> Image:
        """Does the rest of `add`, in one thread, so that of equal images the first file is kept in every build."""
        image = prepared.image
        if prepared.data is not None and image.sha256 not in self._stored:
            storage.write_new(self.folder, f"{image.sha256}{prepared.suffix}", prepared.data)
            self._stored.add(image.sha256)
        if self.watch:
            self.watch.report(image, prepared.seen)
        return image

    @property
    def _stored(self) -> set[str]:
        """The hashes of all stored images. To ask the disk for each one costs as much as to decode a small image."""
        with self._opening:  # several threads may be the first to ask
            return self._hashes

    @cached_property
    def _hashes(self) -> set[str]:
        with storage.open_for_writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            written = {path: path.stat().st_mtime for path in self.files()}
            newest = max(written.values(), default=0.0)
            for path, when in written.items():
                suspect = when > newest - _CLOCK_RESOLUTION or not _has_end_mark(path)
                if suspect and not _is_whole(path):
                    path.unlink()
        return {path.stem for path in self.files()}

    def files(self) -> Iterator[Path]:
        """Yields the files of the stored images, in no particular order."""
        return (path for path in self.folder.glob("*") if _FILE_NAME.fullmatch(path.name))

    def path(self, image: Image) -> Path:
        """Returns the file of `image`. Raises `MissingData` if it is not in the store."""
        for suffix in _KEPT_FORMATS.values():
            path = self.folder / f"{image.sha256}{suffix}"
            if os.path.exists(path):
                return path
        raise MissingData(f"Image {image.sha256[:12]}… is not in {self.folder}. Rerun the command that filled it.")

    def open(self, image: Image) -> Pillow.Image:
        """Returns the decoded image: RGB, `image.width` x `image.height` pixels."""
        return decode(self.path(image).read_bytes())[0]


def _has_end_mark(path: Path) -> bool:
    """Returns whether a stored file ends as its format does: a torn one does not, whatever the clock says."""
    with open(path, "rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read().endswith(_END_MARKS[path.suffix])


def _is_whole(path: Path) -> bool:
    """Returns whether a stored file holds the image of its name. A kill or a power cut can leave it incomplete."""
    try:
        return _digest(decode(path.read_bytes())[0]) == path.stem
    except BadImage:
        return False


def _digest(pil_image: Pillow.Image) -> str:
    hashed = hashlib.sha256(b"RGB %d %d " % pil_image.size)
    hashed.update(pil_image.tobytes())
    return hashed.hexdigest()


def _png(pil_image: Pillow.Image) -> bytes:
    buffer = io.BytesIO()
    pil_image.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


_BLANK_SIDE = 224


def make_white_png() -> bytes:
    """Returns the white image of 224 x 224 pixels that a text-only row shows, as in the published data."""
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.new("RGB", (_BLANK_SIDE, _BLANK_SIDE), (255, 255, 255)).save(buffer, "PNG")
    return buffer.getvalue()
