"""Which fraction of a rectangle of equal parts is shaded."""

from __future__ import annotations

import random
from collections.abc import Iterator

from mmk12.demo.arithmetic import fraction, product, reduced, total
from mmk12.demo.draw import ACCENTS, CELL, Canvas, tint
from mmk12.demo.family import Family, Parameters, Posed

_HEIGHT = 2 * CELL


def parameters() -> Iterator[Parameters]:
    """Rows, columns and the number of shaded parts (at least one, not all)."""
    return ((rows, columns, k) for rows in range(1, 4) for columns in range(3, 7) for k in range(1, rows * columns))


def pose(parameters: Parameters, rng: random.Random) -> Posed:
    """The parts are shaded row by row from the top left."""
    rows, columns, shaded = parameters
    question = rng.choice(
        (
            "The rectangle in the figure is divided into equal parts. What fraction of it is shaded?",
            "As shown in the figure, the shaded part is ___ of the whole (in lowest terms).",
            "Write the shaded part of the figure as a fraction of the whole, in lowest terms.",
        )
    )
    parts = rows * columns
    full, more = divmod(shaded, columns)
    return Posed(
        question=question,
        answer=f"${fraction(shaded, parts)}$",
        solution=f"There are {product(rows, columns)} equal parts. Full rows shaded: {full}, other parts: {more}. "
        f"{product(full, columns)}, and {total(full * columns, more)}, which is {reduced(shaded, parts)}.",
        shown=(rows, columns, full, more),
        figure=_draw(parameters, rng),
    )


def _draw(parameters: Parameters, rng: random.Random) -> Canvas:
    rows, columns, shaded = parameters
    colour = rng.choice(ACCENTS)
    canvas = Canvas()
    left, top = CELL, CELL * (1 if rows == 3 else 2)
    for part in range(rows * columns):
        row, column = divmod(part, columns)
        corner = (left + CELL * column, top + _HEIGHT * row)
        fill = tint(colour) if part < shaded else (255, 255, 255)
        canvas.box(corner, (corner[0] + CELL, corner[1] + _HEIGHT), fill)
    return canvas


FAMILY = Family("shaded_fraction", "number", parameters, pose)
