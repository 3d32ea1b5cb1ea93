"""The third angle of a triangle: two angles are written in the figure."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from mmk12.demo.arithmetic import difference, total
from mmk12.demo.draw import Canvas
from mmk12.demo.family import Family, Parameters, Posed

_NAMES = ("ABC", "PQR", "DEF", "XYZ")


def parameters() -> Iterator[Parameters]:
    """Two acute angles in degrees, the smaller first; the third angle is at least 30."""
    angles = range(25, 90, 5)
    return ((a, b) for a in angles for b in angles if a <= b <= 150 - a)


def pose(parameters: Parameters, rng: random.Random) -> Posed:
    """The two angles at the base are given, the one at the top is asked for."""
    left, right = rng.sample(parameters, 2)
    names = rng.choice(_NAMES)
    angle = f"$\\angle {names[0]}$"
    question = rng.choice(
        (
            f"As shown in the figure, two angles of triangle ${names}$ are marked. Find {angle}.",
            f"In $\\triangle {names}$ shown in the figure, what is the measure of {angle}?",
            f"Two angles of a triangle are given in the figure. The degree measure of {angle} is ___.",
        )
    )
    third = 180 - left - right
    return Posed(
        question=question,
        answer=f"${third}^{{\\circ}}$",
        solution=f"The marked angles are {left} and {right}. "
        f"{total(left, right)}, and {difference(180, left + right)}.",
        shown=(left, right),
        figure=_draw(left, right, names),
    )


def _draw(left: int, right: int, names: str) -> Canvas:
    canvas = Canvas()
    cot = [1 / math.tan(math.radians(angle)) for angle in (left, right)]
    # The foot of the height is true to the angles; the height itself is not to scale, so that all labels fit.
    apex = (8 + 96 * cot[0] / (cot[0] + cot[1]), 20.0)
    corners = [apex, (8.0, 99.0), (104.0, 99.0)]
    canvas.polygon(corners)
    for centre, start, end in (
        (corners[1], _bearing(corners[1], apex), 360),
        (corners[2], 180, _bearing(corners[2], apex)),
    ):
        canvas.arc(centre, 12, start, end)
    canvas.label((apex[0], 12), names[0])
    canvas.label((7, 106), names[1])
    canvas.label((105, 106), names[2])
    canvas.number((2, 6), left, "°")
    canvas.number((5, 6), right, "°")
    return canvas


def _bearing(origin: tuple[float, float], target: tuple[float, float]) -> float:
    return math.degrees(math.atan2(target[1] - origin[1], target[0] - origin[0])) % 360


FAMILY = Family("triangle_angle", "geometry", parameters, pose)
