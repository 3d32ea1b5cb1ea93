"""The area of an L-shaped region on squared paper."""

from __future__ import annotations

import random
from collections.abc import Iterator

from mmk12.demo.arithmetic import difference, product
from mmk12.demo.draw import ACCENTS, CELL, RULE, Canvas, tint
from mmk12.demo.family import Family, Parameters, Posed

_CELLS, _MARGIN = 6, CELL


def parameters() -> Iterator[Parameters]:
    """Width and height of a rectangle and of the smaller rectangle cut from one of its corners, in cells."""
    sides = range(3, _CELLS + 1)
    cuts = range(1, 4)
    return ((w, h, cw, ch) for w in sides for h in sides for cw in cuts for ch in cuts if cw < w and ch < h)


def pose(parameters: Parameters, rng: random.Random) -> Posed:
    """The cut corner is one of the two upper ones."""
    width, height, cut_width, cut_height = parameters
    question = rng.choice(
        (
            "Each small square in the figure has a side of $1$ cm. Find the area of the shaded region.",
            "As shown in the figure, the grid is made of unit squares of side $1$ cm. "
            "The area of the shaded part is ___.",
            "What is the area of the shaded figure on the grid, if every small square is $1$ cm$^{2}$?",
        )
    )
    whole, cut = width * height, cut_width * cut_height
    return Posed(
        question=question,
        answer=f"${whole - cut}$ cm$^{{2}}$",
        solution=f"The full rectangle has {product(width, height)} squares. "
        f"The missing corner has {product(cut_width, cut_height)}. {difference(whole, cut)}.",
        shown=parameters,
        figure=_draw(parameters, rng),
    )


def _draw(parameters: Parameters, rng: random.Random) -> Canvas:
    width, height, cut_width, cut_height = parameters
    right = rng.random() < 0.5
    outline = [
        (0, 0),
        (width - cut_width, 0),
        (width - cut_width, cut_height),
        (width, cut_height),
        (width, height),
        (0, height),
    ]
    corners = [
        (
            _MARGIN + CELL * (x if right else width - x),
            _MARGIN + CELL * (_CELLS - height + y),
        )
        for x, y in outline
    ]
    colour = rng.choice(ACCENTS)
    canvas = Canvas()
    canvas.polygon(corners, tint(colour), colour)
    for i in range(_CELLS + 1):
        at, end = _MARGIN + CELL * i, _MARGIN + CELL * _CELLS
        canvas.line([(at, _MARGIN), (at, end)], RULE, 0.7)
        canvas.line([(_MARGIN, at), (end, at)], RULE, 0.7)
    canvas.polygon(corners, colour=colour)
    return canvas


FAMILY = Family("grid_area", "geometry", parameters, pose)
