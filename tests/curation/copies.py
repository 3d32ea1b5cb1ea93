"""Figures and questions of which copies are made."""

import io

from PIL import Image as Pillow
from PIL import ImageDraw

from mmk12.curation import image_fingerprints
from mmk12.curation.similarity import ComparableItem, ImageFingerprint
from mmk12.types import Gold


def drawn(label="3", size=(220, 150), shift=0):
    """A triangle on white with a number under it."""
    picture = Pillow.new("RGB", size, "white")
    draw = ImageDraw.Draw(picture)
    draw.polygon([(30, 120), (190, 120), (90 + shift, 30)], outline="black", width=2)
    draw.text((100, 124), label, fill="black", font_size=18)
    return picture


def item(name, question, pictures=(), gold="$4$"):
    """A question as the stages compare it."""
    seen = [ImageFingerprint(one.width, one.height, image_fingerprints.to_grey(one)) for one in pictures]
    return ComparableItem.of(name, question, Gold(gold), seen)


def encoded(picture):
    """As a PNG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def compressed(picture, quality):
    """As it comes back from a JPEG file."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Pillow.open(buffer).convert("RGB")
