"""Decides numerically whether two expressions are equal: `are_equal`.

Both are evaluated at a few points. Floats refute equality, which is cheap; decimals with a hundred digits and more
confirm it. The coordinates are rationals derived from the names of the symbols, so a verdict never depends on a clock
or a seed. An expression that is too large to evaluate equals only itself.
"""

from __future__ import annotations

import zlib
from decimal import Decimal, DecimalException, localcontext
from fractions import Fraction
from functools import lru_cache
from hashlib import blake2b
from math import comb, factorial
from typing import TypeVar

from mmk12.verifier.backends import DecimalBackend, FloatBackend, NoValue, NumberBackend, decimal_context
from mmk12.verifier.nodes import AnswerList, Bracketed, Call, Const, Expr, Num, Relation, Sym, Unit, Value, is_expr
from mmk12.verifier.units import UNITS

T = TypeVar("T")

# Evaluation at a point


MAX_FACTORIAL = 300

Point = dict[str, Fraction]
"""The values of the symbols, by name"""

_ONE, _MINUS_ONE = Fraction(1), Fraction(-1)


def iter_nodes(expr: Expr) -> list[Expr]:
    """Returns every node of the tree."""
    nodes: list[Expr] = [expr]
    for node in nodes:
        if isinstance(node, Call):
            nodes += node.args
    return nodes


def find_symbols(*exprs: Expr) -> set[str]:
    """Returns the names of the symbols."""
    names = set()
    nodes = list(exprs)
    for node in nodes:
        if isinstance(node, Call):
            nodes += node.args
        elif isinstance(node, Sym):
            names.add(node.name)
    return names


def find_names(value: Value | None) -> set[str]:
    """Returns the names of the symbols anywhere in a value: in an equation, a list, a point."""
    if isinstance(value, Relation):
        return set().union(*map(find_names, value.members))
    if isinstance(value, AnswerList | Bracketed):
        return set().union(*map(find_names, value.items))
    return find_symbols(value) if is_expr(value) else set()


@lru_cache(maxsize=4096)
def _coordinate(name: str, trial: int, whole: bool) -> Fraction:
    code = zlib.crc32(f"{name}#{trial}".encode("utf-8", "surrogatepass"))
    if whole:
        return Fraction(code % 23 + 2)
    return Fraction(code % 4001 + 701, 1931)


_SIGNS = ((1, 1), (-1, 1), (-1, -1), (1, -1))
"""The signs of every second coordinate and of the others, in the first trials; all later coordinates are positive."""


def sample_point(names: set[str], trial: int, whole: bool = False) -> Point:
    """Returns the point of a trial; its coordinates are integers if `whole`, for factorials.

    The first point is positive, where roots and logarithms are real. Signs go by the order of the names, not by the
    names, so that two expressions do not become equal or different when their letters are exchanged.
    """
    signs = _SIGNS[trial] if trial < len(_SIGNS) and not whole else _SIGNS[0]
    return {name: signs[place % 2] * _coordinate(name, trial, whole) for place, name in enumerate(sorted(names))}


@lru_cache(maxsize=8192)
def _scattered(name: str, trial: int) -> Fraction:
    """Returns a coordinate of any sign and of a size between a hundredth and some thousands."""
    # Of a checksum, bits of two names would differ alike in every trial.
    code = int.from_bytes(blake2b(f"{name}@{trial}".encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
    size = Fraction(code // 64 % 4001 + 701, 1931) * Fraction(10) ** (code // 2 % 6 - 2)
    return -size if code % 2 else size


def evaluate(expr: Expr, point: Point, backend: NumberBackend[T]) -> T:
    """Returns the value of `expr` at a point. Raises `NoValue`, `ArithmeticError` or `ValueError` if it has none."""
    if isinstance(expr, Num):
        return backend.number(expr.value)
    if isinstance(expr, Call):
        return _evaluate_call(expr.op, expr.args, point, backend)
    if isinstance(expr, Sym):
        # A variable or the imaginary unit: what is equal for every i is equal for this one.
        return backend.constant("i") if expr.name == "i" else backend.number(point[expr.name])
    if isinstance(expr, Unit):
        return _evaluate_unit(expr, backend)
    if expr.name == "inf":
        raise NoValue
    return backend.constant(expr.name)


def _evaluate_call(op: str, args: tuple[Expr, ...], point: Point, backend: NumberBackend[T]) -> T:
    """Returns the value of an operation."""
    if op == "^":
        return _evaluate_power(args[0], args[1], point, backend)
    values = [evaluate(arg, point, backend) for arg in args]
    if op == "+":
        return backend.add(values)
    if op == "*":
        product = values[0]
        for value in values[1:]:
            product = backend.mul(product, value)
        return product
    if op == "/":
        return backend.div(values[0], values[1])
    if op == "neg":
        return backend.mul(backend.number(_MINUS_ONE), values[0])
    if op == "root":
        return _evaluate_root(args[1], values[1], values[0], backend)
    if op == "!":
        return backend.number(Fraction(factorial(_to_integer(values[0], backend))))
    if op == "binom":
        return backend.number(Fraction(comb(_to_integer(values[0], backend), _to_integer(values[1], backend))))
    if len(values) != 1:
        raise NoValue
    return backend.call(op, values[0])


def _evaluate_unit(unit: Unit, backend: NumberBackend[T]) -> T:
    if not unit.known:
        return backend.number(_coordinate(f"unit {unit.name}", 0, False))
    factor, base, degree = UNITS[unit.name]
    return backend.number(factor * _coordinate(f"unit {base}", 0, False) ** degree)


def _to_integer(value: T, backend: NumberBackend[T]) -> int:
    """Returns the argument of a factorial. Raises `NoValue` if it is no integer, negative or too large."""
    exact = backend.real(value)
    if exact is None or exact.denominator != 1 or not 0 <= exact <= MAX_FACTORIAL:
        raise NoValue
    return exact.numerator


def _evaluate_power(base: Expr, exponent: Expr, point: Point, backend: NumberBackend[T]) -> T:
    under = evaluate(base, point, backend)
    if isinstance(exponent, Num):
        n, degree = exponent.value.numerator, exponent.value.denominator
        if degree == 1:
            return backend.integer_power(under, n)
        if degree % 2 and degree < 100:
            index = Num(Fraction(degree))
            return backend.integer_power(_evaluate_root(index, backend.number(index.value), under, backend), n)
    # (-1)^n is real for whole n, so a negative number keeps its powers; a variable must not be negative here.
    power = backend.principal_power if isinstance(base, Num) else backend.power
    return power(under, evaluate(exponent, point, backend))


def _evaluate_root(degree: Expr, index: T, under: T, backend: NumberBackend[T]) -> T:
    """Returns the root of `under`; `index` is the value of `degree`."""
    inverse = backend.div(backend.number(_ONE), index)
    if isinstance(degree, Num) and degree.value.numerator % 2:
        real = backend.real(under)
        if real is not None and real < 0:
            # Odd roots of negative numbers are real, as in school mathematics.
            minus = backend.number(_MINUS_ONE)
            return backend.mul(minus, backend.power(backend.mul(minus, under), inverse))
    return backend.power(under, inverse)


# Comparison


POINTS = 3
"""Points at which expressions must agree."""
BENT_POINTS = 64
"""Points at which floats must not refute expressions with floors or absolute values."""
TRIALS = 12
"""Points that are tried."""
MAX_UNKNOWN = 3
"""Points without a value after which two expressions count as unequal."""
MAX_DIGITS = 800
"""Digits beyond which an expression is too large to evaluate."""


def _count_digits(*exprs: Expr) -> int:
    """Returns the digits that a comparison needs: more than twice as many as the numbers have."""
    digits = 0
    for expr in exprs:
        for node in iter_nodes(expr):
            if isinstance(node, Num):
                bits = node.value.numerator.bit_length() + node.value.denominator.bit_length()
                digits += bits * 3 // 10
    return 100 + 4 * digits


def _evaluate_float(expr: Expr, point: Point, backend: FloatBackend) -> complex | None:
    """Returns the value; None if floats cannot represent it. Raises `NoValue` if it is undefined."""
    try:
        value = evaluate(expr, point, backend)
    except (ArithmeticError, ValueError):
        return None
    return value if abs(value) < 1e300 else None


def _refute(a: Expr, b: Expr, point: Point, real_only: bool) -> bool:
    """Whether the values in floats differ by more than any rounding error."""
    backend = FloatBackend(real_only)
    x, y = _evaluate_float(a, point, backend), _evaluate_float(b, point, backend)
    if x is None or y is None:
        return False
    gap = abs(x - y)
    return gap > 1e-9 * max(backend.peak, abs(x), abs(y)) and gap > 1e-280


def _compare(a: Expr, b: Expr, point: Point, real_only: bool) -> bool | None:
    """Whether the values at a point agree; None if one of them has no value."""
    try:
        return False if _refute(a, b, point, real_only) else _confirm(a, b, point, real_only)
    except NoValue:
        return None


def _confirm(a: Expr, b: Expr, point: Point, real_only: bool) -> bool | None:
    """Whether the values agree to half of the digits; None if one of them has no value."""
    digits = _count_digits(a, b)
    if digits > MAX_DIGITS:
        return False
    backend = DecimalBackend(digits, real_only)
    try:
        with localcontext(decimal_context(digits)):
            x, y = evaluate(a, point, backend), evaluate(b, point, backend)
            scale = max(backend.peak, *(abs(part) for part in (*x, *y)))
            gap = max(abs(x[0] - y[0]), abs(x[1] - y[1]))
            return gap <= scale * Decimal(10) ** (-digits // 2)
    except (NoValue, DecimalException, ArithmeticError, ValueError):
        return None


def is_infinity(expr: Expr) -> int:
    """Returns 1 for infinity, -1 for minus infinity, else 0."""
    if isinstance(expr, Const) and expr.name == "inf":
        return 1
    if isinstance(expr, Call) and expr.op == "neg":
        return -is_infinity(expr.args[0])
    return 0


def _is_bent(expr: Expr) -> bool:
    """Whether `expr` has other formulas in other places: a floor, an absolute value or the root of a power in it."""
    for node in iter_nodes(expr):
        if isinstance(node, Call) and node.op in ("floor", "abs", "root"):
            power = isinstance(node.args[0], Call) and node.args[0].op in ("^", "*", "/")
            if (node.op != "root" or power) and find_symbols(node):
                return True
    return False


def _differ_somewhere(a: Expr, b: Expr, names: set[str]) -> bool:
    """Whether floats refute that two expressions are equal, at one of many points over the whole plane."""
    for trial in range(BENT_POINTS):
        try:
            if _refute(a, b, {name: _scattered(name, trial) for name in names}, real_only=True):
                return True
        except NoValue:
            continue
    return False


def are_equal(a: Expr, b: Expr) -> bool:
    """Whether two expressions are equal for all values of their symbols.

    Equal means to half of the digits at `POINTS` points, at one point if there are no symbols. Symbols are real numbers
    (unless `i` is among them), so points where a root or logarithm on either side is not real say nothing: `√a·√b` is
    `√(ab)`. Other points where one of the two has no value do not count, and too many of them make the expressions
    unequal.
    """
    if isinstance(a, Num) and isinstance(b, Num):
        return a.value == b.value
    if a == b:
        return True
    if is_infinity(a) or is_infinity(b):
        return is_infinity(a) == is_infinity(b)
    names = find_symbols(a, b)
    whole = bool(names) and any(
        isinstance(node, Call) and node.op in ("!", "binom") for expr in (a, b) for node in iter_nodes(expr)
    )
    required = POINTS if names - {"i"} else 1
    real_only = bool(names) and "i" not in names
    if real_only and not whole and (_is_bent(a) or _is_bent(b)) and _differ_somewhere(a, b, names):
        return False
    agreed = unknown = 0
    for trial in range(TRIALS if names else 1):
        point = sample_point(names, trial, whole)
        verdict = _compare(a, b, point, real_only)
        if verdict is False:
            return False
        agreed += verdict is True
        unknown += verdict is None
        if unknown > MAX_UNKNOWN and not whole and not real_only:
            return False
        if agreed == required:
            return True
    return False
