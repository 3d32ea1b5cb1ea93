"""Puts the pictures of a row where its text names them: `<image 1>`, `<image_2>`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mmk12.types import IMAGE_MARK


def place_images(
    text: str, tag: re.Pattern[str], by_number: Mapping[str, str | bytes]
) -> tuple[str, list[str | bytes]]:
    """Returns a text with a mark in the place of the first tag of each picture, and the pictures in that order.

    A further tag of the same picture becomes the words "image 1"; a picture without a tag goes behind the text, or in
    front of it if there is no tag at all.

    Args:
        text: The text with tags.
        tag: Matches a tag; its group 1 is the number of the picture.
        by_number: The pictures, as paths or encoded bytes, by number.

    Raises:
        KeyError: A tag names a picture that is not there.
    """
    placed: dict[str, str | bytes] = {}

    def put(match: re.Match[str]) -> str:
        number = match[1]
        if number in placed:
            return f"image {number}"
        placed[number] = by_number[number]
        return IMAGE_MARK

    marked = tag.sub(put, text).strip()
    others = [image for number, image in by_number.items() if number not in placed]
    return marked + (IMAGE_MARK * len(others) if placed else ""), [*placed.values(), *others]
