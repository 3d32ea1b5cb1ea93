"""The mean of the numbers in a table."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations_with_replacement

from mmk12.demo.arithmetic import third, total
from mmk12.demo.draw import ACCENTS, Canvas, tint
from mmk12.demo.family import Family, Parameters, Posed

_ROWS = (("Day", "Mon", "Tue", "Wed"), ("Name", "Ann", "Ben", "Kim"), ("Try", "1st", "2nd", "3rd"))


def parameters() -> Iterator[Parameters]:
    """Three numbers in ascending order whose mean is whole."""
    triples = combinations_with_replacement(range(1, 16), 3)
    return (triple for triple in triples if sum(triple) % 3 == 0 and triple[0] != triple[2])


def pose(parameters: Parameters, rng: random.Random) -> Posed:
    """The numbers stand in the table in any order."""
    numbers = rng.sample(parameters, 3)
    question = rng.choice(
        (
            "Find the mean of the three numbers in the table.",
            "The table in the figure lists three values. Their average is ___.",
            "According to the table shown, what is the mean of the data?",
        )
    )
    a, b, c = numbers
    return Posed(
        question=question,
        answer=f"${(a + b + c) // 3}$",
        solution=f"The numbers are {a}, {b} and {c}. {total(a, b)}, {total(a + b, c)}, and {third(a + b + c)}.",
        shown=(a, b, c),
        figure=_draw(numbers, rng),
    )


def _draw(numbers: list[int], rng: random.Random) -> Canvas:
    canvas = Canvas()
    head, *names = rng.choice(_ROWS)
    colour = rng.choice(ACCENTS)
    for row, name in enumerate((head, *names)):
        top, bottom = (28 * row - 7, 28 * row + 21) if row else (3, 21)
        fill = (255, 255, 255) if row else tint(colour)
        canvas.box((8, top), (56, bottom), fill)
        canvas.box((56, top), (104, bottom), fill)
        canvas.label((32, (top + bottom) / 2), name)
        if row:
            canvas.number((5, 2 * row), numbers[row - 1])
        else:
            canvas.label((80, 12), "No.")
    return canvas


FAMILY = Family("mean", "statistics", parameters, pose)
