"""The families of numbers and statistics: charts, tables, fractions, patterns and clocks.

Each family has a function for its parameters, one that poses a problem, one that draws it, and the `Family` itself.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import combinations_with_replacement

from mmk12.demo.arithmetic import difference, fraction, product, reduced, third, total
from mmk12.demo.drawing import ACCENTS, CELL, INK, RULE, Canvas, Colour, polar, tint
from mmk12.demo.family import Family, Parameters, PosedProblem

# Two bars of a bar chart, compared or added.

_BARS, _HIGHEST = "ABC", 6
_SCALES = (1, 2, 5, 10)
_BASE = 7 * CELL
_SCENES = (("students", "class", "classes"), ("books", "shelf", "shelves"), ("members", "club", "clubs"))


def bar_chart_parameters() -> Iterator[Parameters]:
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


def pose_bar_chart(parameters: Parameters, rng: random.Random) -> PosedProblem:
    """Which bars these are, and the height of the third, is left to chance."""
    *lines, scale, together = parameters
    first, second, third = rng.sample(range(len(_BARS)), len(_BARS))
    heights = {first: lines[0], second: lines[1], third: rng.randint(1, _HIGHEST)}
    high, low = lines[0] * scale, lines[1] * scale
    a, b = _BARS[first], _BARS[second]
    things, place, places = rng.choice(_SCENES)
    intro = f"The bar chart shows how many {things} are in {places} A, B and C."
    if together:
        question = rng.choice(
            (
                f"{intro} How many {things} are in {a} and {b} together?",
                f"As shown in the bar chart, {places} {a} and {b} together have ___ {things}.",
            )
        )
        result = total(high, low)
    else:
        question = rng.choice(
            (
                f"{intro} How many more {things} are in {a} than in {b}?",
                f"As shown in the bar chart, {place} {a} has ___ more {things} than {place} {b}.",
            )
        )
        result = difference(high, low)
    return PosedProblem(
        question=question,
        answer=f"${result.partition('=')[2]}$",
        solution=f"Each line stands for {scale}. Bar {a} is {product(lines[0], scale)}, "
        f"bar {b} is {product(lines[1], scale)}. {result}.",
        shown=(scale, *(heights[bar] for bar in range(len(_BARS)))),
        figure=_draw_bar_chart([heights[bar] for bar in range(len(_BARS))], scale, rng),
    )


def _draw_bar_chart(heights: list[int], scale: int, rng: random.Random) -> Canvas:
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


BAR_CHART = Family("bar_chart", "statistics", bar_chart_parameters, pose_bar_chart)


# The mean of the numbers in a table.

_ROWS = (("Day", "Mon", "Tue", "Wed"), ("Name", "Ann", "Ben", "Kim"), ("Try", "1st", "2nd", "3rd"))


def mean_parameters() -> Iterator[Parameters]:
    """Three numbers in ascending order whose mean is whole."""
    triples = combinations_with_replacement(range(1, 16), 3)
    return (triple for triple in triples if sum(triple) % 3 == 0 and triple[0] != triple[2])


def pose_mean(parameters: Parameters, rng: random.Random) -> PosedProblem:
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
    return PosedProblem(
        question=question,
        answer=f"${(a + b + c) // 3}$",
        solution=f"The numbers are {a}, {b} and {c}. {total(a, b)}, {total(a + b, c)}, and {third(a + b + c)}.",
        shown=(a, b, c),
        figure=_draw_mean(numbers, rng),
    )


def _draw_mean(numbers: list[int], rng: random.Random) -> Canvas:
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


MEAN = Family("mean", "statistics", mean_parameters, pose_mean)


# Which fraction of a rectangle of equal parts is shaded.

_HEIGHT = 2 * CELL


def shaded_fraction_parameters() -> Iterator[Parameters]:
    """Rows, columns and the number of shaded parts (at least one, not all)."""
    return ((rows, columns, k) for rows in range(1, 4) for columns in range(3, 7) for k in range(1, rows * columns))


def pose_shaded_fraction(parameters: Parameters, rng: random.Random) -> PosedProblem:
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
    return PosedProblem(
        question=question,
        answer=f"${fraction(shaded, parts)}$",
        solution=f"There are {product(rows, columns)} equal parts. Full rows shaded: {full}, other parts: {more}. "
        f"{product(full, columns)}, and {total(full * columns, more)}, which is {reduced(shaded, parts)}.",
        shown=(rows, columns, full, more),
        figure=_draw_shaded_fraction(parameters, rng),
    )


def _draw_shaded_fraction(parameters: Parameters, rng: random.Random) -> Canvas:
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


SHADED_FRACTION = Family("shaded_fraction", "number", shaded_fraction_parameters, pose_shaded_fraction)


# A growing pattern of squares: the first three figures are drawn, a later one is the question.

_SIDE, _PATTERN_BASE, _GAP = 12, 82, 14


def pattern_parameters() -> Iterator[Parameters]:
    """Squares in figure 1, squares added each time, and the number of the figure in the question."""
    return ((first, step, n) for first in range(1, 5) for step in range(1, 4) for n in range(4, 11))


def pose_pattern(parameters: Parameters, rng: random.Random) -> PosedProblem:
    """The counts must be read from the figure; only the number of the later figure is in the text."""
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
    return PosedProblem(
        question=question,
        answer=f"${result}$",
        solution=f"The figures have {first}, {first + step} and {first + 2 * step} {things}, so each adds {step}. "
        f"Figure ({n}) adds {product(n - 1, step)}, and {total(first, step * (n - 1))}.",
        shown=(first, step),
        figure=_draw_pattern(first, step, rng),
    )


def _draw_pattern(first: int, step: int, rng: random.Random) -> Canvas:
    """Figure k is one column of `first` squares with k - 1 columns of `step` squares on its right."""
    colour = rng.choice(ACCENTS)
    canvas = Canvas()
    left = 6.0
    for index in range(3):
        for column, squares in enumerate([first] + [step] * index):
            for row in range(squares):
                corner = (left + _SIDE * column, _PATTERN_BASE - _SIDE * row)
                canvas.box(corner, (corner[0] + _SIDE, corner[1] - _SIDE), tint(colour))
        canvas.label((left + _SIDE * (index + 1) / 2, _PATTERN_BASE + 10), f"({index + 1})")
        left += _SIDE * (index + 1) + _GAP
    return canvas


PATTERN = Family("pattern", "number", pattern_parameters, pose_pattern)


# The time some minutes after the one that a clock shows.

_CENTRE = (56.0, 56.0)


def clock_parameters() -> Iterator[Parameters]:
    """Hour and minute on the clock, and how many minutes pass."""
    return (
        (hour, minute, later) for hour in range(1, 13) for minute in range(0, 60, 10) for later in range(10, 60, 10)
    )


def pose_clock(parameters: Parameters, rng: random.Random) -> PosedProblem:
    """The starting time is only in the figure."""
    hour, minute, later = parameters
    question = rng.choice(
        (
            f"A lesson starts at the time shown on the clock and lasts ${later}$ minutes. When does it end?",
            f"The clock in the figure shows the time now. In ${later}$ minutes it will be ___.",
            f"As shown in the figure, a film begins. What time is it ${later}$ minutes later?",
        )
    )
    reached = minute + later
    end = f"{hour}:{reached:02}" if reached < 60 else f"{hour % 12 + 1}:{reached - 60:02}"
    working = total(minute, later) + (f", {difference(reached, 60)}" if reached >= 60 else "")
    return PosedProblem(
        question=question,
        answer=f"${end}$",
        solution=f"The clock shows {hour}:{minute:02}. {working}, so it is {end}.",
        shown=(hour, minute),
        figure=_draw_clock(hour, minute, rng.choice(ACCENTS)),
    )


def _draw_clock(hour: int, minute: int, colour: Colour) -> Canvas:
    canvas = Canvas()
    canvas.circle(_CENTRE, 52)
    for mark in range(12):
        canvas.line([polar(_CENTRE, 47, 30 * mark), polar(_CENTRE, 51, 30 * mark)])
        canvas.label(polar(_CENTRE, 40, 30 * mark), str(mark or 12))
    canvas.line([_CENTRE, polar(_CENTRE, 20, 30 * hour + minute / 2)], INK, 2.6)
    canvas.line([_CENTRE, polar(_CENTRE, 32, 6 * minute)], colour, 1.6)
    canvas.circle(_CENTRE, 2, INK)
    return canvas


CLOCK = Family("clock", "number", clock_parameters, pose_clock)
