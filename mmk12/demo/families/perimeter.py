"""The perimeter of a rectangle: sides and their unit are written in the figure."""

from __future__ import annotations

import random
from collections.abc import Iterator

from mmk12.demo.arithmetic import product, total
from mmk12.demo.draw import ACCENTS, Canvas, tint
from mmk12.demo.family import Family, Parameters, Posed

_UNITS = ("cm", "m")
_THINGS = ("rectangle", "garden", "picture", "field")


def parameters() -> Iterator[Parameters]:
    """Length and width, the longer first, and the index of the unit."""
    sides = range(2, 21)
    return ((a, b, unit) for a in sides for b in sides if a > b for unit in range(len(_UNITS)))


def pose(parameters: Parameters, rng: random.Random) -> Posed:
    """Neither a side nor the unit is in the text."""
    length, width, unit = parameters
    thing = rng.choice(_THINGS)
    question = rng.choice(
        (
            f"The figure shows a rectangular {thing}. Find its perimeter, with the unit.",
            f"As shown in the figure, the perimeter of the rectangular {thing} is ___ (write the unit).",
            f"The sides of a rectangular {thing} are marked in the figure. What is its perimeter (with unit)?",
        )
    ).replace("rectangular rectangle", "rectangle")
    half = length + width
    return Posed(
        question=question,
        answer=f"${2 * half}$ {_UNITS[unit]}",
        solution=f"The sides are {length} {_UNITS[unit]} and {width} {_UNITS[unit]}. "
        f"{total(length, width)}, and {product(2, half)}.",
        shown=parameters,
        figure=_draw(length, width, _UNITS[unit], rng),
    )


def _draw(length: int, width: int, unit: str, rng: random.Random) -> Canvas:
    canvas = Canvas()
    colour = rng.choice(ACCENTS)
    # To scale, unless the rectangle is too flat or too tall for its labels.
    height = min(max(64 * width / length, 20), 56)
    canvas.box((12, 52 - height / 2), (76, 52 + height / 2), tint(colour), colour)
    canvas.number((2, 6), length, unit)
    canvas.number((6, 3), width, unit)
    return canvas


FAMILY = Family("perimeter", "geometry", parameters, pose)
