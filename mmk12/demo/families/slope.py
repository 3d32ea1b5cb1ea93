"""The slope of a line through two marked lattice points."""

from __future__ import annotations

import random
from collections.abc import Iterator

from mmk12.demo.arithmetic import difference, fraction, reduced
from mmk12.demo.draw import BLUE, RED, Point
from mmk12.demo.families._plane import HIGH, LOW, plane, spot
from mmk12.demo.family import Family, Parameters, Posed


def parameters() -> Iterator[Parameters]:
    """Two lattice points (x1, y1), (x2, y2), left one first, on a line that is neither vertical nor level."""
    steps = range(LOW, HIGH + 1)
    return (
        (x1, y1, x2, y2)
        for x1 in steps
        for x2 in steps
        for y1 in steps
        for y2 in steps
        if 1 < x2 - x1 <= 5 and y1 != y2 and abs(y2 - y1) <= 5
    )


def pose(parameters: Parameters, rng: random.Random) -> Posed:
    """The two points are dots on the line, their coordinates are to be read from the grid."""
    x1, y1, x2, y2 = parameters
    question = rng.choice(
        (
            "The line in the figure passes through two lattice points. Find its slope.",
            "As shown in the figure, the slope of the straight line is ___.",
            "What is the slope $k$ of the line $y=kx+b$ shown in the figure?",
        )
    )
    slope = fraction(y2 - y1, x2 - x1)
    canvas = plane()
    canvas.line(_ends(parameters), BLUE)
    for point in ((x1, y1), (x2, y2)):
        canvas.circle(spot(*point), 2.4, RED, RED)
    return Posed(
        question=question,
        answer=f"${slope}$",
        solution=f"The line goes through ({x1},{y1}) and ({x2},{y2}). It rises {difference(y2, y1)} "
        f"over a run of {difference(x2, x1)}, so the slope is {reduced(y2 - y1, x2 - x1)}.",
        shown=parameters,
        figure=canvas,
    )


def _ends(parameters: Parameters) -> list[Point]:
    """The line, drawn on beyond both points to the edge of the grid."""
    x1, y1, x2, y2 = parameters
    dx, dy = x2 - x1, y2 - y1
    low, high = LOW - 0.4, HIGH + 0.4
    forward = min((high - x2) / dx, ((high if dy > 0 else low) - y2) / dy)
    backward = min((x1 - low) / dx, (y1 - (low if dy > 0 else high)) / dy)
    return [spot(x1 - backward * dx, y1 - backward * dy), spot(x2 + forward * dx, y2 + forward * dy)]


FAMILY = Family("slope", "functions", parameters, pose)
