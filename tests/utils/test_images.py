"""What a model sees must not depend on how a file was written."""

import io
import os
import random
import resource
import struct
import tracemalloc
import zlib

import pytest
from PIL import Image as Pillow

from mmk12.errors import MissingData, OutputError
from mmk12.types import Image
from mmk12.utils.images import MAX_PIXELS, MIN_SIDE, BadImage, ImageStore, PixelBounds, decode
from tests.conftest import picture


@pytest.fixture
def store(tmp_path):
    return ImageStore(tmp_path / "images")


def encoded(image: Pillow.Image, format_: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format_, **options)
    return buffer.getvalue()


def test_transparency_is_laid_on_white():
    image = Pillow.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.putpixel((20, 20), (255, 0, 0, 255))
    shown, _ = decode(encoded(image))
    assert shown.getpixel((0, 0)) == (255, 255, 255)
    assert shown.getpixel((20, 20)) == (255, 0, 0)


def test_a_transparent_palette_is_laid_on_white():
    image = Pillow.new("P", (40, 40), 0)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.putpixel((1, 1), 1)
    shown, _ = decode(encoded(image, transparency=0))
    assert shown.getpixel((0, 0)) == (255, 255, 255)
    assert shown.getpixel((1, 1)) == (255, 0, 0)


def test_half_transparency_is_blended():
    shown, _ = decode(encoded(Pillow.new("RGBA", (40, 40), (0, 0, 0, 128))))
    assert shown.getpixel((0, 0)) == pytest.approx((127, 127, 127), abs=1)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
def test_every_mode_becomes_rgb(mode):
    format_ = "TIFF" if mode in ("CMYK", "I;16", "I", "F") else "PNG"
    shown, _ = decode(encoded(Pillow.new(mode, (40, 30)), format_))
    assert (shown.mode, shown.size) == ("RGB", (40, 30))


def test_sixteen_bit_grey_keeps_its_contrast():
    image = Pillow.new("I;16", (40, 40), 0)
    image.putpixel((3, 3), 65535)
    image.putpixel((4, 4), 30000)
    shown, _ = decode(encoded(image))
    assert shown.getpixel((0, 0)) == (0, 0, 0)
    assert shown.getpixel((3, 3)) == (255, 255, 255)
    assert shown.getpixel((4, 4)) == pytest.approx((117, 117, 117), abs=2)


def test_exif_rotation_is_applied():
    image = Pillow.new("RGB", (60, 30), "white")
    exif = image.getexif()
    exif[0x0112] = 6
    data = encoded(image, "JPEG", exif=exif.tobytes())
    shown, suffix = decode(data)
    assert shown.size == (30, 60)
    assert suffix is None, "the bytes would be shown unrotated, so they are not kept"


@pytest.mark.parametrize("size", [(5, 5), (13, 3), (7, 28), (1, 100)])
def test_tiny_sides_are_padded_with_white_not_stretched(size):
    shown, _ = decode(picture("black", size))
    assert min(shown.size) >= MIN_SIDE
    assert shown.size == (max(size[0], MIN_SIDE), max(size[1], MIN_SIDE))
    assert sum(pixel == (0, 0, 0) for pixel in list(shown.get_flattened_data())) == size[0] * size[1]


@pytest.mark.parametrize(
    ("size", "bounds", "fitted"),
    [
        ((200, 100), PixelBounds(), (200, 100)),
        ((200, 100), PixelBounds(20_000, 20_000), (200, 100)),
        ((200, 100), PixelBounds(most=5_000), (100, 50)),
        ((200, 100), PixelBounds(least=80_000), (400, 200)),
        ((2000, 30), PixelBounds(most=10_000), (816, MIN_SIDE)),
        ((60_000, 28), PixelBounds(least=12_845_056), (65_535, 78)),
    ],
)
def test_pictures_are_scaled_to_the_bounds(tmp_path, size, bounds, fitted):
    store = ImageStore(tmp_path / "bounded", bounds=bounds)
    image = store.add(picture("blue", size))
    assert (image.width, image.height) == fitted
    assert store.open(image).size == fitted
    assert image.width * image.height <= MAX_PIXELS
    assert ImageStore(tmp_path / "plain").add(picture("blue", size)).sha256 == image.sha256 or size != fitted


def test_equal_pixels_are_one_image_however_they_are_encoded(store):
    image = Pillow.new("RGB", (40, 40), "red")
    first, second = store.add(encoded(image)), store.add(encoded(image, compress_level=0))
    third = store.add(encoded(image.convert("RGBA")))
    assert first == second == third
    assert len(list(store.folder.iterdir())) == 1


def test_same_bytes_in_another_shape_are_another_image(store):
    assert store.add(picture("white", (40, 60))).sha256 != store.add(picture("white", (60, 40))).sha256


def test_a_plain_file_is_kept_byte_for_byte_and_opens_again(store):
    data = picture("blue", format_="JPEG")
    image = store.add(data)
    assert store.path(image).read_bytes() == data
    assert store.open(image).size == (40, 30)


def test_a_changed_picture_reopens_to_the_same_hash(store, tmp_path):
    image = store.add(encoded(Pillow.new("RGBA", (9, 9), (0, 0, 0, 0))))
    assert ImageStore(tmp_path / "other").add(store.path(image).read_bytes()) == image


def bomb(side: int) -> bytes:
    """The start of a PNG that announces `side` x `side` pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b""))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a readable image"),
        (b"plain text", "not a readable image"),
        (picture(size=(200, 200), color="red")[:120], "not a readable image"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n", "git-lfs pointer"),
        (bomb(9_000), "pixels"),
        (bomb(60_000), "bomb"),
    ],
)
def test_bad_bytes_are_refused_with_a_reason(store, data, reason):
    with pytest.raises(BadImage, match=reason):
        store.add(data)
    assert not store.folder.exists() or not list(store.folder.iterdir())


def test_what_a_kill_left_of_the_last_picture_is_stored_anew(store):
    """A strange picture in the folder is nobody's torn one, and an older one is not looked at."""
    kept, torn = (store.add(picture(color)) for color in ("red", "blue"))
    whole = store.path(torn).read_bytes()
    store.path(torn).write_bytes(whole[:60])
    os.utime(store.path(kept), (1, 1))
    (store.folder / "mine.png").write_bytes(b"no picture")
    again = ImageStore(store.folder)
    assert again.add(whole) == torn
    assert again.path(torn).read_bytes() == whole
    assert sorted(path.stem for path in store.folder.iterdir()) == sorted([kept.sha256, torn.sha256, "mine"])


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_a_torn_picture_is_found_whatever_the_clock_says(store, form):
    torn = store.add(encoded(Pillow.new("RGB", (80, 60), "red"), form))
    whole, file = store.path(torn).read_bytes(), store.path(torn)
    for size in (0, 1, 60, len(whole) // 2):
        file.write_bytes(whole[:size])
        newer = store.add(picture("blue"))
        os.utime(store.path(newer), (4e9, 4e9))
        assert ImageStore(store.folder).add(whole) == torn
        assert file.read_bytes() == whole


def test_a_jpeg_with_bytes_behind_its_end_is_not_torn(store):
    data = encoded(Pillow.new("RGB", (80, 60), "red"), "JPEG") + b"maker's notes"
    image = store.add(data)
    os.utime(store.path(image), (1, 1))
    again = ImageStore(store.folder)
    again.add(picture("blue"))
    assert again.path(image).read_bytes() == data


def long_line(width, height, data):
    """A PNG that claims `width` x `height` pixels in a few bytes."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(1, 64_000_000), (64_000_000, 1), (2, 2_300_000), (65_536, 900)])
def test_a_picture_that_padding_or_its_decoder_would_blow_up_is_refused(store, size):
    tracemalloc.start()
    with pytest.raises(BadImage, match="pixels, more than"):
        store.add(long_line(*size, bytes(100)))
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def with_chunk(name, body):
    data = picture("red", size=(40, 30))
    chunk = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return data[:33] + chunk + data[33:]


@pytest.mark.parametrize(
    "data",
    [
        with_chunk(b"eXIf", b"XXXXXXXXXXXX"),
        with_chunk(b"tEXt", b"Raw profile type exif\0no hexadecimal digits"),
        with_chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"),
        with_chunk(b"eXIf", b""),
    ],
)
def test_damaged_exif_data_does_not_cost_the_picture(data):
    pil_image, suffix = decode(data)
    assert (pil_image.size, suffix) == ((40, 30), ".png")


@pytest.mark.parametrize(
    "error", [NotImplementedError(), RuntimeError("damaged"), AttributeError("none"), MemoryError()]
)
def test_whatever_a_decoder_raises_is_a_bad_picture(monkeypatch, error):
    """Pillow's decoders of rare formats raise what they like; here one that is registered for the test."""
    from PIL import ImageFile

    class Rare(ImageFile.ImageFile):
        format = "RARE"

        def _open(self):
            raise error

    Pillow.init()
    monkeypatch.setattr(Pillow, "ID", ["RARE", *Pillow.ID])
    monkeypatch.setitem(Pillow.OPEN, "RARE", (Rare, lambda prefix: prefix.startswith(b"RARE")))
    with pytest.raises(BadImage, match="not a readable image"):
        decode(b"RARE" + bytes(100))


def test_a_program_is_no_picture(monkeypatch):
    """Pillow hands EPS to Ghostscript where that is installed."""
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *given, **more: pytest.fail("it was run"))
    with pytest.raises(BadImage, match="EPS is a program"):
        decode(encoded(Pillow.new("RGB", (40, 30), "red"), "EPS"))


def test_a_refused_picture_leaves_no_file(store):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = io.BytesIO()
    Pillow.frombytes("RGB", (64, 64), random.Random(0).randbytes(64 * 64 * 3)).save(noise, "PNG")
    store.add(picture())
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OutputError, match="disk is full"):
            store.add(noise.getvalue())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(list(store.folder.iterdir())) == 1


def test_an_image_that_is_not_stored_says_so(store):
    with pytest.raises(MissingData, match="not in"):
        store.open(Image("0" * 64, 1, 1))


@pytest.mark.slow
@pytest.mark.shared
def test_the_real_k12_figures(shared, store):
    """500 figures decode; 66 are really transparent and 11 have a side under 28 pixels (counted upstream)."""
    transparent = tiny = 0
    for path in sorted((shared / "data/k12/images").glob("*.png")):
        with Pillow.open(path) as opened:
            alpha = opened.convert("RGBA").getchannel("A").getextrema()[0] if opened.has_transparency_data else 255
            transparent += alpha < 255
            tiny += min(opened.size) < MIN_SIDE
        image = store.add(path.read_bytes())
        assert min(image.width, image.height) >= MIN_SIDE
    assert (transparent, tiny) == (66, 11)
