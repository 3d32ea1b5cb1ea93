"""Image fingerprints, 48 x 48 grey levels in 2,304 bytes: robust to scaling, recompression and small crops.

Two measures compare fingerprints; neither depends on brightness or contrast:

    correlation    of both fingerprints at 16 x 16: finds candidates among any number of images
    agreement      the worst local one (SSIM without its luminance term) at 48 x 48: tells a 3 from an 8 in one label

The usual 64-bit dHash is too coarse for the second and hardly good enough for the first: on line figures most of its
bits compare white with white. Of 500 different figures 93 % are within 4 bits of another one, and 0.4 % share a hash
(`perf/planted.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from mmk12.types import Image
from mmk12.utils.storage import replace_file

ENDING = ".fingerprints"
"""How the files end that hold the fingerprints of loaded images."""

Grey = npt.NDArray[np.uint8]
"""A fingerprint, (48, 48), or a stack of them, (n, 48, 48)."""
Coarse = npt.NDArray[np.float32]
"""Standardised fingerprints at 16 x 16, (n, 256): whole numbers, so that their products are exact in any order."""

SIDE, COARSE, WINDOW = 48, 16, 6
BLANK = 24
"""An image is blank if its fingerprint spans fewer of the 256 grey levels: the white square of text-only rows."""

_LENGTH = 1000.0
_NOISE = 400
"""SSIM's constant for contrast: differences below a standard deviation of 20 grey levels count little."""
_CUTS = (0.0, 1.2, 2.4)
"""How much of a side may be cut off, in cells of the fingerprint: 0, 2.5 and 5 %."""
_RECORD = np.dtype([("sha256", "S64"), ("grey", "u1", (SIDE, SIDE))])


def to_grey(image: Pillow.Image) -> Grey:
    """Computes the fingerprint of an RGB image."""
    small = image.convert("L").resize((SIDE, SIDE), Pillow.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(small, dtype=np.uint8)


def is_blank(grey: Grey) -> bool:
    """Whether a fingerprint shows nothing to compare."""
    return int(grey.max()) - int(grey.min()) < BLANK


def downscale(prints: Grey) -> Coarse:
    """Scales (n, 48, 48) down to 16 x 16, subtracts the means and brings all to one length: (n, 256)."""
    step = SIDE // COARSE
    blocks = prints.reshape(-1, COARSE, step, COARSE, step).astype(np.int64).sum((2, 4)).reshape(-1, COARSE**2)
    return _standardise(blocks.astype(np.float64))


def correlation(left: Coarse, right: Coarse) -> npt.NDArray[np.float32]:
    """Correlates (n, 256) with (m, 256): (n, m), 1 for the same image."""
    return np.asarray(left @ right.T / np.float32(_LENGTH**2))


def agreement(left: Grey, right: Grey) -> npt.NDArray[np.float64]:
    """Returns the worst local agreement of pairs of fingerprints, (n, 48, 48) each: (n,), 1 for equal ones.

    SSIM (Wang et al. 2004) without its luminance term, its smallest value over all windows of 6 x 6.
    """
    a, b = left.astype(np.int64), right.astype(np.int64)
    cells = WINDOW * WINDOW
    mean_a, mean_b = _sums(a) / cells, _sums(b) / cells
    variance_a, variance_b = _sums(a * a) / cells - mean_a**2, _sums(b * b) / cells - mean_b**2
    covariance = _sums(a * b) / cells - mean_a * mean_b
    local = (2 * covariance + _NOISE) / (variance_a + variance_b + _NOISE)
    return np.asarray(local.min((1, 2)), dtype=np.float64)


def crop_fingerprint(whole: Grey, part: Grey) -> float:
    """Returns the best correlation of `part` with `whole`, of which up to 5 % of each side are cut off."""
    step = np.einsum("iyc,cx->iyx", _CROPS, whole.astype(np.float64))
    crops = np.einsum("jxc,iyc->ijyx", _CROPS, step).reshape(-1, COARSE**2)
    return float(correlation(_standardise(crops), downscale(part[None])).max())


def _standardise(blocks: npt.NDArray[np.float64]) -> Coarse:
    centred = blocks - blocks.mean(1, keepdims=True)
    length = np.sqrt((centred * centred).sum(1, keepdims=True))
    return np.asarray(np.rint(centred * (_LENGTH / np.maximum(length, 1e-9))), dtype=np.float32)


def _sums(stack: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Sums over all windows of each layer: (n, 48, 48) -> (n, 43, 43)."""
    total = np.pad(stack, ((0, 0), (1, 0), (1, 0))).cumsum(1).cumsum(2)
    rows = total[:, WINDOW:] - total[:, :-WINDOW]
    return np.asarray(rows[:, :, WINDOW:] - rows[:, :, :-WINDOW])


def _crop(low: float, high: float) -> npt.NDArray[np.float64]:
    """Returns the matrix, (16, 48), that averages 16 equal parts of the cells from `low` to `high`."""
    edges = np.linspace(low, high, COARSE + 1)
    cells = np.arange(SIDE)
    inside = np.minimum(cells + 1, edges[1:, None]) - np.maximum(cells, edges[:-1, None])
    return np.asarray(np.maximum(inside, 0) / (edges[1] - edges[0]))


_CROPS = np.stack([_crop(low, SIDE - high) for low in _CUTS for high in _CUTS])


class FingerprintWriter:
    """Observes an image store and writes the fingerprint of every image to a file, once."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._seen: set[str] = set()

    def examine(self, image: Pillow.Image) -> Grey:
        """Computes the fingerprint of an image."""
        return to_grey(image)

    def report(self, image: Image, seen: Grey) -> None:
        """Writes the fingerprint of a stored image, at its first report."""
        if image.sha256 not in self._seen:
            self._seen.add(image.sha256)
            self._file.write(image.sha256.encode("ascii") + seen.tobytes())  # one `_RECORD`


@contextmanager
def write_fingerprints(path: Path) -> Iterator[FingerprintWriter]:
    """Opens a file of fingerprints that becomes `path` when the block ends without an error."""
    with replace_file(path) as file:
        yield FingerprintWriter(file)


class FingerprintIndex:
    """The fingerprints of stored images. They stay on disk: 100,000 of them are 230 MB."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._files = [np.memmap(path, dtype=_RECORD, mode="r") for path in paths if path.stat().st_size]
        self._places: dict[bytes, tuple[int, int]] = {}
        for number, file in enumerate(self._files):
            for row, sha256 in enumerate(file["sha256"]):
                self._places.setdefault(bytes.fromhex(sha256.decode("ascii")), (number, row))

    def __getitem__(self, image: Image) -> Grey:
        """Returns the fingerprint of an image. Raises `KeyError` for one that was never loaded."""
        number, row = self._places[bytes.fromhex(image.sha256)]
        return np.asarray(self._files[number]["grey"][row])
