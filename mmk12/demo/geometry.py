"""The geometry families: angles, lengths and areas in figures, and points and lines in a coordinate plane.

Each family has a function for its parameters, one that poses a problem, one that draws it, and the `Family` itself.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from mmk12.demo.arithmetic import difference, fraction, product, reduced, square, total
from mmk12.demo.drawing import ACCENTS, BLUE, CELL, INK, RED, RULE, Canvas, Colour, Point, polar, tint
from mmk12.demo.family import Family, Parameters, PosedProblem

# The coordinate plane that several families draw on; every lattice point is the center of a cell.

LOW, HIGH = -3, 4
"""Lattice points run from LOW to HIGH on both axes."""


def spot(x: float, y: float) -> Point:
    """Returns the position of the point (x, y) of the plane on the canvas."""
    return CELL * (x - LOW) + CELL / 2, CELL * (HIGH - y) + CELL / 2


def plane() -> Canvas:
    """Returns a canvas with a grid and axes with arrows and a marked unit."""
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


# The third angle of a triangle: two angles are written in the figure.

_NAMES = ("ABC", "PQR", "DEF", "XYZ")


def triangle_angle_parameters() -> Iterator[Parameters]:
    """Two acute angles in degrees, the smaller first; the third angle is at least 30."""
    angles = range(25, 90, 5)
    return ((a, b) for a in angles for b in angles if a <= b <= 150 - a)


def pose_triangle_angle(parameters: Parameters, rng: random.Random) -> PosedProblem:
    """The two angles at the base are given, the one at the top is the answer."""
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
    return PosedProblem(
        question=question,
        answer=f"${third}^{{\\circ}}$",
        solution=f"The marked angles are {left} and {right}. "
        f"{total(left, right)}, and {difference(180, left + right)}.",
        shown=(left, right),
        figure=_draw_triangle_angle(left, right, names),
    )


def _draw_triangle_angle(left: int, right: int, names: str) -> Canvas:
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


TRIANGLE_ANGLE = Family("triangle_angle", "geometry", triangle_angle_parameters, pose_triangle_angle)


# The theorem of Pythagoras in areas: the squares on two sides of a right triangle are given, the third is S.

_SQUARES = (
    ((36, 48), (36, 78), (6, 78), (6, 48)),
    ((36, 78), (66, 78), (66, 108), (36, 108)),
    ((66, 78), (36, 48), (66, 18), (96, 48)),
)
"""The squares on the upright leg, the level leg and the hypotenuse; their numbers stand in the middle of each."""

_PYTHAGORAS_CELLS = ((1, 4), (3, 6), (4, 3))


def pythagoras_parameters() -> Iterator[Parameters]:
    """The squares on the legs, the smaller first, and which area is the target (2: that on the hypotenuse)."""
    areas = range(4, 50)
    return ((a, b, target) for a in areas for b in areas if a < b for target in range(3))


def pose_pythagoras(parameters: Parameters, rng: random.Random) -> PosedProblem:
    """The areas are whole, the sides need not be."""
    a, b, target = parameters
    question = rng.choice(
        (
            "Squares are drawn on the sides of a right triangle, as shown. Find the area $S$ of the third square.",
            "The numbers in the figure are the areas of squares on the sides of a right triangle. Then $S=$ ___.",
            "As shown in the figure, the areas of two squares are given. What is the area $S$ of the other square?",
        )
    )
    areas = [a, b, a + b]
    swapped = rng.random() < 0.5
    places = (1, 0, 2) if swapped else (0, 1, 2)
    printed = tuple(0 if side == target else areas[side] for side in places)
    if target == 2:
        first, second = areas[places[0]], areas[places[1]]
        working = f"The squares on the legs are {first} and {second}. {total(first, second)}"
    else:
        leg = areas[1 - target]
        working = f"The square on the hypotenuse is {a + b}, on a leg {leg}. {difference(a + b, leg)}"
    return PosedProblem(
        question=question,
        answer=f"${areas[target]}$",
        solution=f"{working}, so S={areas[target]}.",
        shown=printed,
        figure=_draw_pythagoras(printed, rng.choice(ACCENTS)),
    )


def _draw_pythagoras(printed: tuple[int, ...], colour: Colour) -> Canvas:
    canvas = Canvas()
    for number, corners, (column, row) in zip(printed, _SQUARES, _PYTHAGORAS_CELLS, strict=True):
        canvas.polygon(corners, tint(colour), colour)
        if number:
            canvas.number((column, row), number)
        else:
            canvas.label((CELL * column + 7, CELL * row + 7), "S")
    return canvas


PYTHAGORAS = Family("pythagoras", "geometry", pythagoras_parameters, pose_pythagoras)


# The perimeter of a rectangle: sides and their unit are written in the figure.

_UNITS = ("cm", "m")
_THINGS = ("rectangle", "garden", "picture", "field")


def perimeter_parameters() -> Iterator[Parameters]:
    """Length and width, the longer first, and the index of the unit."""
    sides = range(2, 21)
    return ((a, b, unit) for a in sides for b in sides if a > b for unit in range(len(_UNITS)))


def pose_perimeter(parameters: Parameters, rng: random.Random) -> PosedProblem:
    """Neither a side nor the unit is in the text."""
    length, width, unit = parameters
    thing = rng.choice(_THINGS)
    question = rng.choice(
        (
            f"The figure shows a rectangular {thing}. Find its perimeter, with the unit.",
            f"As shown in the figure, the perimeter of the rectangular {thing} is ___ (write the unit).",
            f"The sides of a rectangular {thing} are marked in the figure. What is its perimeter (with unit)?",
        )
    ).replace("rectangular rectangle", "rectangle")
    half = length + width
    return PosedProblem(
        question=question,
        answer=f"${2 * half}$ {_UNITS[unit]}",
        solution=f"The sides are {length} {_UNITS[unit]} and {width} {_UNITS[unit]}. "
        f"{total(length, width)}, and {product(2, half)}.",
        shown=parameters,
        figure=_draw_perimeter(length, width, _UNITS[unit], rng),
    )


def _draw_perimeter(length: int, width: int, unit: str, rng: random.Random) -> Canvas:
    canvas = Canvas()
    colour = rng.choice(ACCENTS)
    # To scale, unless the rectangle is too flat or too tall for its labels.
    height = min(max(64 * width / length, 20), 56)
    canvas.box((12, 52 - height / 2), (76, 52 + height / 2), tint(colour), colour)
    canvas.number((2, 6), length, unit)
    canvas.number((6, 3), width, unit)
    return canvas


PERIMETER = Family("perimeter", "geometry", perimeter_parameters, pose_perimeter)


# The area of an L-shaped region on squared paper.

_CELLS, _MARGIN = 6, CELL


def grid_area_parameters() -> Iterator[Parameters]:
    """Width and height of a rectangle and of the smaller rectangle cut from one of its corners, in cells."""
    sides = range(3, _CELLS + 1)
    cuts = range(1, 4)
    return ((w, h, cw, ch) for w in sides for h in sides for cw in cuts for ch in cuts if cw < w and ch < h)


def pose_grid_area(parameters: Parameters, rng: random.Random) -> PosedProblem:
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
    return PosedProblem(
        question=question,
        answer=f"${whole - cut}$ cm$^{{2}}$",
        solution=f"The full rectangle has {product(width, height)} squares. "
        f"The missing corner has {product(cut_width, cut_height)}. {difference(whole, cut)}.",
        shown=parameters,
        figure=_draw_grid_area(parameters, rng),
    )


def _draw_grid_area(parameters: Parameters, rng: random.Random) -> Canvas:
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


GRID_AREA = Family("grid_area", "geometry", grid_area_parameters, pose_grid_area)


# The area between two concentric circles in terms of pi: both radii are written in the figure.

_CENTRE, _RADIUS = (56.0, 63.0), 46.0


def ring_parameters() -> Iterator[Parameters]:
    """The outer and the inner radius."""
    return ((outer, inner) for outer in range(2, 13) for inner in range(1, outer))


def pose_ring(parameters: Parameters, rng: random.Random) -> PosedProblem:
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
    return PosedProblem(
        question=question,
        answer=f"${outer**2 - inner**2}\\pi$",
        solution=f"The radii are {outer} and {inner}. {square(outer)}, {square(inner)}, "
        f"and {difference(outer**2, inner**2)}, so the area is {outer**2 - inner**2}\\pi.",
        shown=parameters,
        figure=_draw_ring(outer, inner, name, rng.choice(ACCENTS)),
    )


def _draw_ring(outer: int, inner: int, name: str, colour: Colour) -> Canvas:
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


RING = Family("ring", "geometry", ring_parameters, pose_ring)


# The image of a lattice point under a reflection of the coordinate plane.

_KINDS = (
    ("the $x$-axis", "the sign of y changes", (1, -1)),
    ("the $y$-axis", "the sign of x changes", (-1, 1)),
    ("the origin", "both signs change", (-1, -1)),
)


def reflection_parameters() -> Iterator[Parameters]:
    """A lattice point off the axes and the index of the reflection."""
    steps = [i for i in range(LOW, HIGH + 1) if i]
    return ((x, y, kind) for x in steps for y in steps for kind in range(len(_KINDS)))


def pose_reflection(parameters: Parameters, rng: random.Random) -> PosedProblem:
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
    return PosedProblem(question, f"${image}$", solution, (x, y), _draw_reflection(x, y, name))


def _draw_reflection(x: int, y: int, name: str) -> Canvas:
    canvas = plane()
    (across, down) = spot(x, y)
    canvas.circle((across, down), 2.6, RED, RED)
    # The name keeps clear of the border and of the marks on the y-axis.
    canvas.label((across + (-7 if x in (-2, -1, 3, 4) else 7), down + (7 if y > 2 else -6)), name, RED)
    return canvas


REFLECTION = Family("reflection", "functions", reflection_parameters, pose_reflection)


# The slope of a line through two marked lattice points.


def slope_parameters() -> Iterator[Parameters]:
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


def pose_slope(parameters: Parameters, rng: random.Random) -> PosedProblem:
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
    return PosedProblem(
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


SLOPE = Family("slope", "functions", slope_parameters, pose_slope)
