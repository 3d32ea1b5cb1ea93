"""The time some minutes after the one that a clock shows."""

from __future__ import annotations

import random
from collections.abc import Iterator

from mmk12.demo.arithmetic import difference, total
from mmk12.demo.draw import ACCENTS, INK, Canvas, Colour, polar
from mmk12.demo.family import Family, Parameters, Posed

_CENTRE = (56.0, 56.0)


def parameters() -> Iterator[Parameters]:
    """Hour and minute on the clock, and how many minutes pass."""
    return (
        (hour, minute, later) for hour in range(1, 13) for minute in range(0, 60, 10) for later in range(10, 60, 10)
    )


def pose(parameters: Parameters, rng: random.Random) -> Posed:
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
    return Posed(
        question=question,
        answer=f"${end}$",
        solution=f"The clock shows {hour}:{minute:02}. {working}, so it is {end}.",
        shown=(hour, minute),
        figure=_draw(hour, minute, rng.choice(ACCENTS)),
    )


def _draw(hour: int, minute: int, colour: Colour) -> Canvas:
    canvas = Canvas()
    canvas.circle(_CENTRE, 52)
    for mark in range(12):
        canvas.line([polar(_CENTRE, 47, 30 * mark), polar(_CENTRE, 51, 30 * mark)])
        canvas.label(polar(_CENTRE, 40, 30 * mark), str(mark or 12))
    canvas.line([_CENTRE, polar(_CENTRE, 20, 30 * hour + minute / 2)], INK, 2.6)
    canvas.line([_CENTRE, polar(_CENTRE, 32, 6 * minute)], colour, 1.6)
    canvas.circle(_CENTRE, 2, INK)
    return canvas


FAMILY = Family("clock", "number", parameters, pose)
