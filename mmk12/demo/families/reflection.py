"""The image of a lattice point under a reflection of the coordinate plane."""

from __future__ import annotations

import random
from collections.abc import Iterator

from mmk12.demo.draw import RED, Canvas
from mmk12.demo.families._plane import HIGH, LOW, plane, spot
from mmk12.demo.family import Family, Parameters, Posed

_KINDS = (
    ("the $x$-axis", "the sign of y changes", (1, -1)),
    ("the $y$-axis", "the sign of x changes", (-1, 1)),
    ("the origin", "both signs change", (-1, -1)),
)


def parameters() -> Iterator[Parameters]:
    """A lattice point off the axes and the index of the reflection."""
    steps = [i for i in range(LOW, HIGH + 1) if i]
    return ((x, y, kind) for x in steps for y in steps for kind in range(len(_KINDS)))


def pose(parameters: Parameters, rng: random.Random) -> Posed:
    """The point is only in the figure, the reflection only in the text."""
    x, y, kind = parameters
    mirror, rule, (across, up) = _KINDS[kind]
    name = rng.choice("APM")
    question = rng.choice(
        (
            f"As shown in the figure, point ${name}'$ is symmetric to point ${name}$ about {mirror}. "
            f"The coordinates of ${name}'$ are ___.",
            f"Point ${name}$ in the figure is reflected in {mirror}. What are the coordinates of its image?",
            f"Write down the coordinates of the point that is symmetric to ${name}$ in the figure about {mirror}.",
        )
    )
    image = f"({x * across},{y * up})"
    solution = f"{name} is at ({x},{y}). Here {rule}, which gives {image}."
    return Posed(question, f"${image}$", solution, (x, y), _draw(x, y, name))


def _draw(x: int, y: int, name: str) -> Canvas:
    canvas = plane()
    (across, down) = spot(x, y)
    canvas.circle((across, down), 2.6, RED, RED)
    # The name keeps clear of the border and of the marks on the y-axis.
    canvas.label((across + (-7 if x in (-2, -1, 3, 4) else 7), down + (7 if y > 2 else -6)), name, RED)
    return canvas


FAMILY = Family("reflection", "functions", parameters, pose)
