"""The theorem of Pythagoras in areas: the squares on two sides of a right triangle are given, the third is S."""

from __future__ import annotations

import random
from collections.abc import Iterator

from mmk12.demo.arithmetic import difference, total
from mmk12.demo.draw import ACCENTS, CELL, Canvas, Colour, tint
from mmk12.demo.family import Family, Parameters, Posed

_SQUARES = (
    ((36, 48), (36, 78), (6, 78), (6, 48)),
    ((36, 78), (66, 78), (66, 108), (36, 108)),
    ((66, 78), (36, 48), (66, 18), (96, 48)),
)
"""The squares on the upright leg, the level leg and the hypotenuse; their numbers stand in the middle of each."""

_CELLS = ((1, 4), (3, 6), (4, 3))


def parameters() -> Iterator[Parameters]:
    """The squares on the legs, the smaller first, and which area is asked for (2: that on the hypotenuse)."""
    areas = range(4, 50)
    return ((a, b, asked) for a in areas for b in areas if a < b for asked in range(3))


def pose(parameters: Parameters, rng: random.Random) -> Posed:
    """The areas are whole, the sides need not be."""
    a, b, asked = parameters
    question = rng.choice(
        (
            "Squares are drawn on the sides of a right triangle, as shown. Find the area $S$ of the third square.",
            "The numbers in the figure are the areas of squares on the sides of a right triangle. Then $S=$ ___.",
            "As shown in the figure, the areas of two squares are given. What is the area $S$ of the other square?",
        )
    )
    areas = [a, b, a + b]
    swapped = rng.random() < 0.5
    places = (1, 0, 2) if swapped else (0, 1, 2)
    shown = tuple(0 if side == asked else areas[side] for side in places)
    if asked == 2:
        first, second = areas[places[0]], areas[places[1]]
        working = f"The squares on the legs are {first} and {second}. {total(first, second)}"
    else:
        leg = areas[1 - asked]
        working = f"The square on the hypotenuse is {a + b}, on a leg {leg}. {difference(a + b, leg)}"
    return Posed(
        question=question,
        answer=f"${areas[asked]}$",
        solution=f"{working}, so S={areas[asked]}.",
        shown=shown,
        figure=_draw(shown, rng.choice(ACCENTS)),
    )


def _draw(shown: tuple[int, ...], colour: Colour) -> Canvas:
    canvas = Canvas()
    for number, corners, (column, row) in zip(shown, _SQUARES, _CELLS, strict=True):
        canvas.polygon(corners, tint(colour), colour)
        if number:
            canvas.number((column, row), number)
        else:
            canvas.label((CELL * column + 7, CELL * row + 7), "S")
    return canvas


FAMILY = Family("pythagoras", "geometry", parameters, pose)
