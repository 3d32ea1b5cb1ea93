"""Are two expressions the same function? Refuted in floats, confirmed with a hundred digits and more.

The points are rationals derived from the symbols' names, so a verdict never depends on a clock or a seed. An
expression too large to evaluate equals only itself.
"""

from __future__ import annotations

import zlib
from decimal import Decimal, DecimalException, localcontext
from fractions import Fraction
from functools import lru_cache
from math import comb, factorial
from typing import TypeVar

from mmk12.verifier.fields import MAX_FACTORIAL, Decimals, Field, Floats, NoValue, context
from mmk12.verifier.units import UNITS
from mmk12.verifier.values import Call, Const, Expr, Num, Sym, Unit

T = TypeVar("T")

POINTS = 3
TRIALS = 12
MAX_UNKNOWN = 3
"""Points without a value after which two expressions are given up."""
MAX_DIGITS = 800

Point = dict[str, Fraction]

_ONE, _MINUS_ONE = Fraction(1), Fraction(-1)


def leaves(expr: Expr) -> list[Expr]:
    """Every node of the tree."""
    nodes: list[Expr] = [expr]
    for node in nodes:
        if isinstance(node, Call):
            nodes += node.args
    return nodes


def symbols(*exprs: Expr) -> set[str]:
    """The free symbols."""
    names = set()
    nodes = list(exprs)
    for node in nodes:
        if isinstance(node, Call):
            nodes += node.args
        elif isinstance(node, Sym):
            names.add(node.name)
    return names


@lru_cache(maxsize=4096)
def _coordinate(name: str, trial: int, whole: bool) -> Fraction:
    code = zlib.crc32(f"{name}#{trial}".encode("utf-8", "surrogatepass"))
    if whole:
        return Fraction(code % 23 + 2)
    size = Fraction(code % 4001 + 701, 1931)
    # The first points are positive, where roots and logarithms are real; later ones have both signs.
    return -size if trial and code >> 16 & 1 else size


def point(names: set[str], trial: int, whole: bool = False) -> Point:
    """The coordinates of a trial; whole numbers where factorials are to be evaluated."""
    return {name: _coordinate(name, trial, whole) for name in names}


def evaluate(expr: Expr, at: Point, field: Field[T]) -> T:
    """The value of `expr` where the symbols have these values. Raises `NoValue` or an `ArithmeticError`."""
    if isinstance(expr, Num):
        return field.number(expr.value)
    if isinstance(expr, Call):
        return _called(expr.op, expr.args, at, field)
    if isinstance(expr, Sym):
        # Read as a variable or as the imaginary unit: what is equal for every i is equal for this one.
        return field.constant("i") if expr.name == "i" else field.number(at[expr.name])
    if isinstance(expr, Unit):
        return _unit(expr, field)
    if expr.name == "inf":
        raise NoValue
    return field.constant(expr.name)


def _called(op: str, args: tuple[Expr, ...], at: Point, field: Field[T]) -> T:
    """The value of an operation on those arguments."""
    if op == "^":
        return _power(args[0], args[1], at, field)
    values = [evaluate(arg, at, field) for arg in args]
    if op == "+":
        return field.add(values)
    if op == "*":
        product = values[0]
        for value in values[1:]:
            product = field.mul(product, value)
        return product
    if op == "/":
        return field.div(values[0], values[1])
    if op == "neg":
        return field.mul(field.number(_MINUS_ONE), values[0])
    if op == "root":
        return _root(args[1], values[1], values[0], field)
    if op == "!":
        return field.number(Fraction(factorial(_whole(values[0], field))))
    if op == "binom":
        return field.number(Fraction(comb(_whole(values[0], field), _whole(values[1], field))))
    if len(values) != 1:
        raise NoValue
    return field.call(op, values[0])


def _unit(unit: Unit, field: Field[T]) -> T:
    if not unit.known:
        return field.number(_coordinate(f"unit {unit.name}", 0, False))
    factor, base, degree = UNITS[unit.name]
    return field.number(factor * _coordinate(f"unit {base}", 0, False) ** degree)


def _whole(value: T, field: Field[T]) -> int:
    exact = field.real(value)
    if exact is None or exact.denominator != 1 or not 0 <= exact <= MAX_FACTORIAL:
        raise NoValue
    return exact.numerator


def _power(base: Expr, exponent: Expr, at: Point, field: Field[T]) -> T:
    under = evaluate(base, at, field)
    if isinstance(exponent, Num):
        n, degree = exponent.value.numerator, exponent.value.denominator
        if degree == 1:
            return field.integer_power(under, n)
        if degree % 2 and degree < 100:
            index = Num(Fraction(degree))
            return field.integer_power(_root(index, field.number(index.value), under, field), n)
    return field.power(under, evaluate(exponent, at, field))


def _root(degree: Expr, index: T, under: T, field: Field[T]) -> T:
    """The root of `under`; `index` is the value of `degree`."""
    inverse = field.div(field.number(_ONE), index)
    if isinstance(degree, Num) and degree.value.numerator % 2:
        real = field.real(under)
        if real is not None and real < 0:
            # Odd roots of negative numbers are real, as at school.
            minus = field.number(_MINUS_ONE)
            return field.mul(minus, field.power(field.mul(minus, under), inverse))
    return field.power(under, inverse)


def _digits(*exprs: Expr) -> int:
    """How many digits the comparison needs: more than twice what is written in the numbers."""
    written = 0
    for expr in exprs:
        for node in leaves(expr):
            if isinstance(node, Num):
                bits = node.value.numerator.bit_length() + node.value.denominator.bit_length()
                written += bits * 3 // 10
    return 100 + 4 * written


def _float(expr: Expr, at: Point, field: Floats) -> complex | None:
    """The value; None where floats cannot tell. Raises `NoValue` where it is undefined."""
    try:
        value = evaluate(expr, at, field)
    except (ArithmeticError, ValueError):
        return None
    return value if abs(value) < 1e300 else None


def _refuted(a: Expr, b: Expr, at: Point) -> bool:
    """Whether floats tell them apart beyond doubt."""
    field = Floats()
    x, y = _float(a, at, field), _float(b, at, field)
    if x is None or y is None:
        return False
    gap = abs(x - y)
    return gap > 1e-9 * max(field.peak, abs(x), abs(y)) and gap > 1e-280


def _compared(a: Expr, b: Expr, at: Point) -> bool | None:
    """Whether they agree here; None where one of them has no value."""
    try:
        return False if _refuted(a, b, at) else _confirmed(a, b, at)
    except NoValue:
        return None


def _confirmed(a: Expr, b: Expr, at: Point) -> bool | None:
    """Whether they agree to half of the digits; None where one of them has no value."""
    digits = _digits(a, b)
    if digits > MAX_DIGITS:
        return False
    field = Decimals(digits)
    try:
        with localcontext(context(digits)):
            x, y = evaluate(a, at, field), evaluate(b, at, field)
            scale = max(field.peak, *(abs(part) for part in (*x, *y)))
            gap = max(abs(x[0] - y[0]), abs(x[1] - y[1]))
            return gap <= scale * Decimal(10) ** (-digits // 2)
    except (NoValue, DecimalException, ArithmeticError, ValueError):
        return None


def infinity(expr: Expr) -> int:
    """1 or -1 for plus or minus infinity, else 0."""
    if isinstance(expr, Const) and expr.name == "inf":
        return 1
    if isinstance(expr, Call) and expr.op == "neg":
        return -infinity(expr.args[0])
    return 0


def same(a: Expr, b: Expr) -> bool:
    """Whether two expressions are equal for all values of their symbols, within the digits that can be had."""
    if isinstance(a, Num) and isinstance(b, Num):
        return a.value == b.value
    if a == b:
        return True
    if infinity(a) or infinity(b):
        return infinity(a) == infinity(b)
    names = symbols(a, b)
    whole = bool(names) and any(
        isinstance(node, Call) and node.op in ("!", "binom") for expr in (a, b) for node in leaves(expr)
    )
    wanted = POINTS if names - {"i"} else 1
    agreed = unknown = 0
    for trial in range(TRIALS if names else 1):
        at = point(names, trial, whole)
        verdict = _compared(a, b, at)
        if verdict is False:
            return False
        agreed += verdict is True
        unknown += verdict is None
        if unknown > MAX_UNKNOWN and not whole:
            return False
        if agreed == wanted:
            return True
    return False
