"""Pictures by content: decoded once, made plain RGB, stored under the hash of their pixels.

What a model sees must not depend on how a file was written. So every image is rotated as EXIF says, its
transparency is laid on white (66 of the 500 K12 figures are really transparent; a bare `convert("RGB")` turns
their background black), and sides under 28 pixels are padded with white, because several processors refuse them.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from mmk12 import storage
from mmk12.errors import MissingData
from mmk12.types import Image

if TYPE_CHECKING:
    from PIL import Image as Pillow

MIN_SIDE = 28
"""Smallest side in pixels after padding: Qwen-VL processors reject less."""
MAX_PIXELS = 64_000_000
"""Larger pictures are refused before they are decoded (decompression bombs)."""

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
    picture = _on_white(ImageOps.exif_transpose(opened))
    padded = _padded(picture)
    plain = padded is picture and opened.mode in ("RGB", "L", "1") and not opened.getexif().get(0x0112)
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
        return picture.convert("RGB")
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


class ImageStore:
    """A folder of pictures named by the sha256 of their pixels; equal pictures are stored once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, data: bytes) -> Image:
        """Stores the picture in `data`. Raises `BadImage`; the store is unchanged then."""
        picture, suffix = decode(data)
        digest = hashlib.sha256(b"RGB %d %d " % picture.size + picture.tobytes()).hexdigest()
        image = Image(digest, picture.width, picture.height)
        if self._find(image) is None:
            storage.write_bytes(self.folder / f"{digest}{suffix or '.png'}", data if suffix else _png(picture))
        return image

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


def _png(picture: Pillow.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()
