"""`Canvas`: draws the K12 figures of all families, with the same style and size.

A figure is one InternVL tile (112 x 112 pixels), drawn at three times the size and reduced, which smooths lines with
integer arithmetic alone. Text is Pillow's built-in bitmap font on the final pixels. So neither FreeType nor a font
file can change a pixel, and with it a training run.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

SIZE = 112
"""Side of a figure in pixels: exactly one tile of the embedded model."""

CELL = 14
"""Side of one patch of the embedded model in pixels. Everything to be read or counted is aligned to this invisible
grid of 8 x 8 cells, two digits per cell, because a model of a million parameters learns no finer vision in minutes."""

INK = (30, 30, 30)
RULE = (190, 190, 190)
BLUE = (45, 95, 200)
RED = (205, 50, 45)
GREEN = (40, 140, 75)
ORANGE = (225, 130, 30)
ACCENTS = (BLUE, RED, GREEN, ORANGE)

Point = tuple[float, float]
Colour = tuple[int, int, int]

_SCALE = 3
_GLYPH = 6


class Canvas:
    """A white square; coordinates are final pixels, origin at the top left, y downwards."""

    def __init__(self) -> None:
        from PIL import Image, ImageDraw

        self._image = Image.new("RGB", (SIZE * _SCALE, SIZE * _SCALE), "white")
        self._draw = ImageDraw.Draw(self._image)
        self._labels: list[tuple[Point, str, Colour]] = []

    def line(self, points: Sequence[Point], colour: Colour = INK, width: float = 1.4) -> None:
        """Draws a polyline through `points`."""
        self._draw.line(self._up(points), fill=colour, width=round(width * _SCALE), joint="curve")

    def polygon(self, points: Sequence[Point], fill: Colour | None = None, colour: Colour = INK) -> None:
        """Draws a closed polygon with an outline."""
        if fill is not None:
            self._draw.polygon(self._up(points), fill=fill)
        self.line([*points, points[0], points[1]], colour)

    def box(self, corner: Point, opposite: Point, fill: Colour, colour: Colour = INK) -> None:
        """Draws an axis-parallel rectangle."""
        (x0, y0), (x1, y1) = corner, opposite
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], fill, colour)

    def circle(self, centre: Point, radius: float, fill: Colour | None = None, colour: Colour = INK) -> None:
        """Draws a circle with an outline."""
        self._draw.ellipse(self._around(centre, radius), fill=fill, outline=colour, width=round(1.4 * _SCALE))

    def arc(self, centre: Point, radius: float, start: float, end: float, colour: Colour = INK) -> None:
        """Draws the arc from `start` to `end` in degrees, clockwise from three o'clock."""
        self._draw.arc(self._around(centre, radius), start, end, fill=colour, width=_SCALE)

    def label(self, centre: Point, text: str, colour: Colour = INK) -> None:
        """Writes a text centered on `centre`, above everything drawn."""
        self._labels.append((centre, text, colour))

    def number(self, cell: tuple[int, int], number: int, unit: str = "") -> None:
        """Writes a number of one or two digits into the cell (column, row), followed by its unit."""
        left, middle = CELL * cell[0] + 1, CELL * cell[1] + CELL // 2
        for text in (str(number), unit):
            width = _GLYPH * len(text)
            self.label((left + width / 2, middle), text)
            left += width + 2

    def image(self) -> Image.Image:
        """Returns the figure: RGB, `SIZE` x `SIZE` pixels."""
        from PIL import ImageDraw, ImageFont

        font = ImageFont.load_default_imagefont()
        figure = self._image.reduce(_SCALE)
        draw = ImageDraw.Draw(figure)
        for (x, y), text, colour in self._labels:
            left, top, right, bottom = font.getbbox(text)
            corner = (round(x - (right - left) / 2), round(y - (bottom - top) / 2))
            draw.text(corner, text, fill=colour, font=font)
        return figure

    @staticmethod
    def _up(points: Sequence[Point]) -> list[Point]:
        return [((x + 0.5) * _SCALE, (y + 0.5) * _SCALE) for x, y in points]

    def _around(self, centre: Point, radius: float) -> list[Point]:
        (x, y) = centre
        return self._up([(x - radius, y - radius), (x + radius, y + radius)])


def tint(colour: Colour) -> Colour:
    """Returns a light fill color for an accent color."""
    red, green, blue = (255 - (255 - part) * 2 // 5 for part in colour)
    return red, green, blue


def polar(centre: Point, radius: float, degrees: float) -> Point:
    """Returns the point at `degrees` clockwise from twelve o'clock."""
    turn = math.radians(degrees)
    return centre[0] + radius * math.sin(turn), centre[1] - radius * math.cos(turn)


def encode(figure: Image.Image) -> bytes:
    """Returns the PNG bytes of a figure."""
    buffer = io.BytesIO()
    figure.save(buffer, "PNG")
    return buffer.getvalue()
