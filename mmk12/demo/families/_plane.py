"""The coordinate plane that several families draw on; every lattice point is the middle of a cell."""

from __future__ import annotations

from mmk12.demo.draw import CELL, RULE, Canvas, Point

LOW, HIGH = -3, 4
"""Lattice points run from LOW to HIGH on both axes."""


def spot(x: float, y: float) -> Point:
    """Where the point (x, y) of the plane lies on the canvas."""
    return CELL * (x - LOW) + CELL / 2, CELL * (HIGH - y) + CELL / 2


def plane() -> Canvas:
    """A canvas with grid, axes with arrows, and the unit marked on both."""
    canvas = Canvas()
    for i in range(LOW, HIGH + 1):
        canvas.line([spot(i, LOW), spot(i, HIGH)], RULE, 0.7)
        canvas.line([spot(LOW, i), spot(HIGH, i)], RULE, 0.7)
    start, tip = LOW - 0.4, HIGH + 0.4
    canvas.line([spot(start, 0), spot(tip, 0)], width=1)
    canvas.line([spot(0, start), spot(0, tip)], width=1)
    canvas.line([spot(tip - 0.3, 0.25), spot(tip, 0), spot(tip - 0.3, -0.25)], width=1)
    canvas.line([spot(-0.25, tip - 0.3), spot(0, tip), spot(0.25, tip - 0.3)], width=1)
    for centre, text in (((108, 72), "x"), ((42, 6), "y"), ((44, 71), "0"), ((63, 71), "1"), ((43, 50), "1")):
        canvas.label(centre, text)
    return canvas
