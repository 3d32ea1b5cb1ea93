"""Formats the calculations of worked solutions, and generates rows of random ones as training drills.

A few thousand problems do not teach a small model to add: it memorizes their sums and fails on held-out ones. Rows of
a dozen sums without figures do, and cost less than a lesson with figures.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable


def fraction(numerator: int, denominator: int) -> str:
    """Formats a reduced fraction as a textbook prints it; `denominator` is positive."""
    common = math.gcd(numerator, denominator)
    top, bottom = abs(numerator) // common, denominator // common
    sign = "-" if numerator < 0 else ""
    return f"{sign}{top}" if bottom == 1 else f"{sign}\\frac{{{top}}}{{{bottom}}}"


def total(a: int, b: int) -> str:
    """Formats `3+4=7`."""
    return f"{a}+{b}={a + b}"


def difference(a: int, b: int) -> str:
    """Formats `3-4=-1`, with parentheses around a negative subtrahend."""
    return f"{a}-{b}={a - b}" if b >= 0 else f"{a}-({b})={a - b}"


def product(a: int, b: int) -> str:
    """Formats `3\\times4=12`."""
    return f"{a}\\times{b}={a * b}"


def square(a: int) -> str:
    """Formats `3^2=9`."""
    return f"{a}^2={a * a}"


def third(a: int) -> str:
    """Formats `12\\div3=4`."""
    return f"{a}\\div3={a // 3}"


def reduced(a: int, b: int) -> str:
    """Formats `\\frac{6}{8}=\\frac{3}{4}`; only `\\frac{5}{8}` if the fraction is reduced already."""
    unreduced = f"\\frac{{{a}}}{{{b}}}"
    return unreduced if fraction(a, b) == unreduced else f"{unreduced}={fraction(a, b)}"


_DRILLS: tuple[Callable[[random.Random], str], ...] = (
    lambda rng: total(rng.randint(1, 30), rng.randint(1, 30)),
    lambda rng: total(5 * rng.randint(1, 17), 5 * rng.randint(1, 17)),
    lambda rng: total(10 * rng.randint(0, 6), 10 * rng.randint(0, 6)),
    lambda rng: difference(180, 5 * rng.randint(8, 30)),
    lambda rng: difference(rng.randint(5, 60), rng.randint(1, 20)),
    lambda rng: difference(10 * rng.randint(6, 10), 60),
    lambda rng: difference(rng.randint(-3, 4), rng.randint(-3, 4)),
    lambda rng: product(rng.randint(1, 9), rng.randint(1, 9)),
    lambda rng: product(2, rng.randint(2, 40)),
    lambda rng: difference(rng.randint(2, 12) ** 2, rng.randint(1, 8) ** 2),
    lambda rng: difference(rng.randint(30, 99), rng.randint(4, 49)),
    lambda rng: total(rng.randint(4, 49), rng.randint(4, 49)),
    lambda rng: square(rng.randint(2, 12)),
    lambda rng: third(3 * rng.randint(2, 15)),
    lambda rng: reduced(rng.choice((-1, 1)) * rng.randint(1, 5), rng.randint(2, 5)),
    lambda rng: reduced(rng.randint(1, 5), rng.randint(6, 10)),
    lambda rng: reduced(rng.randint(1, 17), rng.choice((6, 8, 9, 10, 12, 15, 18))),
)


def drill(rng: random.Random, length: int = 12) -> str:
    """Returns a row of `length` random calculations."""
    return " ".join(f"{rng.choice(_DRILLS)(rng)}." for _ in range(length))
