"""A growing pattern of squares: the first three figures are drawn, a later one is asked for."""

from __future__ import annotations

import random
from collections.abc import Iterator

from mmk12.demo.arithmetic import product, total
from mmk12.demo.draw import ACCENTS, Canvas, tint
from mmk12.demo.family import Family, Parameters, Posed

_SIDE, _BASE, _GAP = 12, 82, 14


def parameters() -> Iterator[Parameters]:
    """Squares in figure 1, squares added each time, and the number of the figure asked for."""
    return ((first, step, n) for first in range(1, 5) for step in range(1, 4) for n in range(4, 11))


def pose(parameters: Parameters, rng: random.Random) -> Posed:
    """The counts are to be read from the figure; only the number of the wanted figure is in the text."""
    first, step, n = parameters
    things = rng.choice(("squares", "tiles", "boxes"))
    question = rng.choice(
        (
            f"The {things} are arranged in the regular pattern shown. How many {things} are in figure ({n})?",
            f"According to the pattern of {things} in the figure, figure ({n}) has ___ {things}.",
            f"The pattern in the figure goes on in the same way. Find the number of {things} in figure ({n}).",
        )
    )
    result = first + step * (n - 1)
    return Posed(
        question=question,
        answer=f"${result}$",
        solution=f"The figures have {first}, {first + step} and {first + 2 * step} {things}, so each adds {step}. "
        f"Figure ({n}) adds {product(n - 1, step)}, and {total(first, step * (n - 1))}.",
        shown=(first, step),
        figure=_draw(first, step, rng),
    )


def _draw(first: int, step: int, rng: random.Random) -> Canvas:
    """Figure k is one column of `first` squares with k - 1 columns of `step` squares on its right."""
    colour = rng.choice(ACCENTS)
    canvas = Canvas()
    left = 6.0
    for index in range(3):
        for column, squares in enumerate([first] + [step] * index):
            for row in range(squares):
                corner = (left + _SIDE * column, _BASE - _SIDE * row)
                canvas.box(corner, (corner[0] + _SIDE, corner[1] - _SIDE), tint(colour))
        canvas.label((left + _SIDE * (index + 1) / 2, _BASE + 10), f"({index + 1})")
        left += _SIDE * (index + 1) + _GAP
    return canvas


FAMILY = Family("pattern", "number", parameters, pose)
