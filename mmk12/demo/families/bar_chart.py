"""Two bars of a bar chart compared or added."""

from __future__ import annotations

import random
from collections.abc import Iterator

from mmk12.demo.arithmetic import difference, product, total
from mmk12.demo.draw import ACCENTS, CELL, INK, RULE, Canvas, tint
from mmk12.demo.family import Family, Parameters, Posed

_BARS, _HIGHEST = "ABC", 6
_SCALES = (1, 2, 5, 10)
_BASE = 7 * CELL
_SCENES = (("students", "class", "classes"), ("books", "shelf", "shelves"), ("members", "club", "clubs"))


def parameters() -> Iterator[Parameters]:
    """The two heights in grid lines, the larger first, what a line stands for, and whether to add the bars."""
    heights = range(1, _HIGHEST + 1)
    return (
        (high, low, scale, together)
        for high in heights
        for low in heights
        if high > low
        for scale in _SCALES
        for together in (0, 1)
    )


def pose(parameters: Parameters, rng: random.Random) -> Posed:
    """Which bars these are, and the height of the third, is left to chance."""
    *lines, scale, together = parameters
    first, second, third = rng.sample(range(len(_BARS)), len(_BARS))
    heights = {first: lines[0], second: lines[1], third: rng.randint(1, _HIGHEST)}
    high, low = lines[0] * scale, lines[1] * scale
    a, b = _BARS[first], _BARS[second]
    things, place, places = rng.choice(_SCENES)
    shown = f"The bar chart shows how many {things} are in {places} A, B and C."
    if together:
        question = rng.choice(
            (
                f"{shown} How many {things} are in {a} and {b} together?",
                f"As shown in the bar chart, {places} {a} and {b} together have ___ {things}.",
            )
        )
        result = total(high, low)
    else:
        question = rng.choice(
            (
                f"{shown} How many more {things} are in {a} than in {b}?",
                f"As shown in the bar chart, {place} {a} has ___ more {things} than {place} {b}.",
            )
        )
        result = difference(high, low)
    return Posed(
        question=question,
        answer=f"${result.partition('=')[2]}$",
        solution=f"Each line stands for {scale}. Bar {a} is {product(lines[0], scale)}, "
        f"bar {b} is {product(lines[1], scale)}. {result}.",
        shown=(scale, *(heights[bar] for bar in range(len(_BARS)))),
        figure=_draw([heights[bar] for bar in range(len(_BARS))], scale, rng),
    )


def _draw(heights: list[int], scale: int, rng: random.Random) -> Canvas:
    canvas = Canvas()
    for value in range(1, _HIGHEST + 1):
        height = _BASE - CELL * value
        canvas.line([(14, height), (108, height)], RULE, 0.7)
        canvas.label((7, height), str(value * scale))
    colour = rng.choice(ACCENTS)
    for bar, height in enumerate(heights):
        left = CELL * (2 + 2 * bar)
        canvas.box((left, _BASE - CELL * height), (left + CELL, _BASE), tint(colour), colour)
        canvas.label((left + CELL / 2, _BASE + 8), _BARS[bar])
    canvas.line([(14, 4), (14, _BASE), (108, _BASE)], INK)
    return canvas


FAMILY = Family("bar_chart", "statistics", parameters, pose)
