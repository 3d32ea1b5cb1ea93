"""The verifier against sympy and mpmath: random expressions of our language, rewritten by sympy or changed by a little.

Which pairs are equal is decided by mpmath in 40 digits on the trees that the expressions were drawn as, at points of
both signs. A point where a side has no real value says nothing, and a pair without three points that speak is not used.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

sympy = pytest.importorskip("sympy")
from mmk12.verifier import verify  # noqa: E402

X, Y = (sympy.Symbol(name, real=True) for name in "xy")
NUMERATORS = ((5, 9), (-8, 3), (17, -6), (-4, -13), (29, 40), (3, 2))
POINTS = [(sympy.Rational(a, 7), sympy.Rational(b, 11)) for a, b in NUMERATORS]


def draw(random: Random, depth: int) -> Any:
    """A random tree: numbers, two letters, constants, the operations of school."""
    if depth == 0 or random.random() < 0.15:
        number = sympy.Integer(random.randint(1, 12))
        leaves = [number, number, X, Y, sympy.Rational(random.randint(1, 9), random.randint(2, 9)), sympy.pi]
        return random.choice(leaves)
    one = draw(random, depth - 1)
    kinds = ["sum", "sum", "difference", "product", "product", "quotient", "power", "root", "sin", "cos", "ln"]
    kind = random.choice(kinds)
    if kind in ("power", "root", "sin", "cos", "ln"):
        made = {
            "power": lambda: one ** random.choice([2, 3, -1, -2]),
            "root": lambda: sympy.sqrt(one),
            "sin": lambda: sympy.sin(one),
            "cos": lambda: sympy.cos(one),
            "ln": lambda: sympy.log(one),
        }
        return made[kind]()
    other = draw(random, depth - 1)
    if kind == "quotient":
        return one / other
    return one + other if kind == "sum" else one - other if kind == "difference" else one * other


def rewrite(random: Random, tree: Any) -> Any:
    """The same value in another form, or another value in a form much the same."""
    if random.random() < 0.5:
        return random.choice([sympy.expand, sympy.together, sympy.factor, sympy.expand_trig])(tree)
    numbers = sorted(tree.atoms(sympy.Rational), key=str)
    leaves = [*numbers, *sorted(tree.free_symbols, key=str)]
    leaf = random.choice(leaves) if leaves else None
    return tree + 1 if leaf is None else tree.subs(leaf, leaf + random.choice([1, -1, 2]))


def same(one: Any, other: Any) -> bool | None:
    """Whether both are equal over the reals, None where that is not clear."""
    agreed = 0
    for x, y in POINTS:
        values = [side.subs({X: x, Y: y}).evalf(40) for side in (one, other)]
        if not all(value.is_Float or value.is_Integer or value.is_Rational for value in values):
            continue
        first, second = values
        gap, size = abs(first - second), max(1, abs(first), abs(second))
        if gap > 1e-6 * size:
            return False
        if gap > 1e-25 * size:
            return None
        agreed += 1
    return True if agreed >= 3 else None


def check(seed: int, count: int) -> list[str]:
    """The pairs on which verifier and oracle disagree."""
    random, seen, wrong = Random(seed), {True: 0, False: 0}, []
    while sum(seen.values()) < count:
        tree = draw(random, random.randint(1, 3))
        other = rewrite(random, tree)
        if tree.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I) or other.has(sympy.nan, sympy.zoo, sympy.oo, sympy.I):
            continue
        expected = same(tree, other)
        if expected is None:
            continue
        seen[expected] += 1
        gold, answer = (sympy.latex(side, ln_notation=True) for side in (tree, other))
        verdict = verify(f"\\boxed{{{answer}}}", f"${gold}$")
        if verdict.correct is not expected:
            wrong.append(f"{gold}  <-  {answer}: {verdict.status} ({verdict.reason}), and they are {expected}")
    assert min(seen.values()) > count / 10, seen
    return wrong


def test_verifier_and_sympy_agree() -> None:
    assert not check(1, 300)


@pytest.mark.slow
def test_verifier_and_sympy_agree_on_five_thousand() -> None:
    assert not check(2, 5000)
