"""The area between two concentric circles in terms of pi: both radii are written in the figure."""

from __future__ import annotations

import random
from collections.abc import Iterator

from mmk12.demo.arithmetic import difference, square
from mmk12.demo.draw import ACCENTS, INK, Canvas, Colour, polar, tint
from mmk12.demo.family import Family, Parameters, Posed

_CENTRE, _RADIUS = (56.0, 63.0), 46.0


def parameters() -> Iterator[Parameters]:
    """The outer and the inner radius."""
    return ((outer, inner) for outer in range(2, 13) for inner in range(1, outer))


def pose(parameters: Parameters, rng: random.Random) -> Posed:
    """The answer keeps pi."""
    outer, inner = parameters
    name = rng.choice("OMP")
    question = rng.choice(
        (
            "The circles in the figure have radii $R$ and $r$. Find the area of the shaded ring in terms of $\\pi$.",
            f"As shown in the figure, both circles have centre ${name}$. The area of the ring is ___ (keep $\\pi$).",
            f"Two circles with centre ${name}$ are shown. What is the area between them? Leave $\\pi$ in the answer.",
        )
    )
    return Posed(
        question=question,
        answer=f"${outer**2 - inner**2}\\pi$",
        solution=f"The radii are {outer} and {inner}. {square(outer)}, {square(inner)}, "
        f"and {difference(outer**2, inner**2)}, so the area is {outer**2 - inner**2}\\pi.",
        shown=parameters,
        figure=_draw(outer, inner, name, rng.choice(ACCENTS)),
    )


def _draw(outer: int, inner: int, name: str, colour: Colour) -> Canvas:
    canvas = Canvas()
    canvas.circle(_CENTRE, _RADIUS, tint(colour), colour)
    # Not always to scale: a very small or very large hole would swallow its label.
    hole = min(max(_RADIUS * inner / outer, 22), 36)
    canvas.circle(_CENTRE, hole, (255, 255, 255), colour)
    canvas.line([_CENTRE, polar(_CENTRE, _RADIUS, 60)])
    canvas.line([_CENTRE, polar(_CENTRE, hole, 270)])
    canvas.circle(_CENTRE, 1.6, INK)
    for text, centre in ((name, (58, 72)), ("R", (84, 36)), ("r", (45, 56)), ("R=", (7, 7)), ("r=", (91, 7))):
        canvas.label(centre, text)
    canvas.number((1, 0), outer)
    canvas.number((7, 0), inner)
    return canvas


FAMILY = Family("ring", "geometry", parameters, pose)
