"""Labelled rows for graders: ours from the case tables, generated ones, and the reference pairs beside the checkout."""

import json
import random
from collections.abc import Iterator
from fractions import Fraction
from math import gcd
from pathlib import Path
from typing import NamedTuple

from tests.verifier.cases import table

SHARED = Path(__file__).resolve().parents[1] / "../shared/verify"


class Row(NamedTuple):
    """A response with the right verdict on it."""

    response: str
    gold: str
    right: bool
    choices: tuple[str, ...] = ()


def sets(count: int) -> dict[str, list[Row]]:
    """The three sets, each cut to `count` rows in a seeded order; one that is not there is left out."""
    every = {"case tables": cases(), "generated": generated(count), "reference pairs": shared()}
    chosen = {}
    for name, rows in every.items():
        drawn = list(rows)
        random.Random(0).shuffle(drawn)
        if drawn:
            chosen[name] = drawn[:count]
    return chosen


def boxed(answer: str) -> str:
    """The answer in the form that every grader extracts."""
    return f"I work it out step by step. The final answer is $\\boxed{{{answer}}}$."


def cases() -> Iterator[Row]:
    """Every pair of `tests/cases/equality.json` under the default policies. The verifier is tested on these."""
    for row in table("equality"):
        if row.keys() <= {"topic", "gold", "right", "wrong"}:
            yield from (Row(boxed(answer), row["gold"], True) for answer in row["right"])
            yield from (Row(boxed(answer), row["gold"], False) for answer in row["wrong"])


def generated(count: int) -> Iterator[Row]:
    """Distinct golds of the common kinds, each answered by another spelling or by a near miss."""
    draw = random.Random(1)
    for number in range(count):
        kind = _KINDS[number % len(_KINDS)]
        gold, right, wrong = kind(draw)
        yield Row(boxed(right), gold, True) if number // len(_KINDS) % 2 else Row(boxed(wrong), gold, False)


def _integer(draw: random.Random) -> tuple[str, str, str]:
    n = draw.randint(1000, 99_999)
    return f"{n}", f"{n:,}", f"{n + draw.choice((-1, 1, 10))}"


def _decimal(draw: random.Random) -> tuple[str, str, str]:
    value = Fraction(draw.randint(1, 9999), 400)
    return f"${float(value)}$", f"\\frac{{{value.numerator}}}{{{value.denominator}}}", f"{float(value + 1)}"


def _fraction(draw: random.Random) -> tuple[str, str, str]:
    over, under = draw.randint(2, 300), draw.randint(3, 300)
    factor = draw.randint(2, 9)
    right = f"{over * factor}/{under * factor}"
    return f"\\frac{{{over}}}{{{under}}}", right, f"\\frac{{{over}}}{{{under + 1}}}"


def _surd(draw: random.Random) -> tuple[str, str, str]:
    k, n = draw.randint(2, 60), draw.choice((2, 3, 5, 6, 7, 10, 11, 13))
    return f"${k}\\sqrt{{{n}}}$", f"\\sqrt{{{k * k * n}}}", f"{k}\\sqrt[3]{{{n}}}"


def _point(draw: random.Random) -> tuple[str, str, str]:
    a, b = draw.randint(-50, 50), draw.randint(51, 99)
    return f"$({a}, {b})$", f"\\left({a}.0,\\ {b}\\right)", f"({b}, {a})"


def _line(draw: random.Random) -> tuple[str, str, str]:
    a, b = draw.randint(2, 40), draw.randint(1, 90)
    return f"y = {a}x + {b}", f"y={b}+{a}x", f"y={a}x-{b}"


def _quadratic(draw: random.Random) -> tuple[str, str, str]:
    a, b = draw.randint(1, 30), draw.randint(31, 60)
    gold = f"x^2 + {a + b}x + {a * b}"
    return gold, f"(x+{a})(x+{b})", f"(x+{a})(x-{b})"


def _interval(draw: random.Random) -> tuple[str, str, str]:
    a, b = draw.randint(-90, 0), draw.randint(1, 90)
    return f"$[{a}, {b})$", f"{a} \\le x < {b}", f"({a}, {b})"


def _angle(draw: random.Random) -> tuple[str, str, str]:
    degrees = draw.randint(1, 359)
    divisor = gcd(degrees, 180)
    radians = f"\\frac{{{degrees // divisor}\\pi}}{{{180 // divisor}}}"
    return f"{degrees}^\\circ", draw.choice((f"{degrees}°", radians)), f"{degrees + 1}^\\circ"


def _roots(draw: random.Random) -> tuple[str, str, str]:
    a, b = draw.randint(-60, -1), draw.randint(1, 60)
    return f"$x_1={a}$, $x_2={b}$", f"x={b} \\text{{ or }} x={a}", f"{b}"


_KINDS = (_integer, _decimal, _fraction, _surd, _point, _line, _quadratic, _interval, _angle, _roots)


def shared() -> Iterator[Row]:
    """The clean reference pairs that are not adversarial."""
    # kinds.jsonl holds answers that are known to be graded wrong today, with goals of their own.
    for path in sorted(set(SHARED.glob("*.jsonl")) - {SHARED / "kinds.jsonl"}):
        if not path.name.startswith("adversarial"):
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                if row["clean"]:
                    choices = tuple(map(str, row.get("choices") or ()))
                    yield Row(row["response"], row["gold"], bool(row["label"]), choices)
