"""Are two expressions the same function? Refuted in floats, confirmed with a hundred digits and more.

The points are rationals derived from the symbols' names, so a verdict never depends on a clock or a seed. An
expression too large to evaluate equals only itself.
"""

from __future__ import annotations

import cmath
import math
import zlib
from collections.abc import Callable
from decimal import (
    ROUND_FLOOR,
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from fractions import Fraction
from functools import lru_cache
from math import comb, factorial
from typing import Protocol, TypeVar

from mmk12.verifier.nodes import Call, Const, Expr, Num, Sym, Unit
from mmk12.verifier.units import UNITS

# The two kinds of numbers that expressions are evaluated in: floats to refute, long decimals to confirm.


T = TypeVar("T")

MAX_FACTORIAL = 300


class NoValue(Exception):
    """Undefined here, or out of bounds."""


class NumberBackend(Protocol[T]):
    """What `evaluate` needs of a kind of number; `add` notes the largest term, which measures cancellation."""

    def number(self, value: Fraction) -> T: ...
    def constant(self, name: str) -> T: ...
    def add(self, terms: list[T]) -> T: ...
    def mul(self, a: T, b: T) -> T: ...
    def div(self, a: T, b: T) -> T: ...
    def integer_power(self, base: T, n: int) -> T: ...
    def power(self, base: T, exponent: T) -> T: ...
    def real(self, value: T) -> Fraction | None: ...
    def call(self, name: str, value: T) -> T: ...


def _cot(z: complex) -> complex:
    return 1 / cmath.tan(z)


def _floor(z: complex) -> complex:
    if z.imag or abs(z.real - round(z.real)) < 1e-9:
        raise ArithmeticError  # too near to a whole number for floats to tell
    return complex(math.floor(z.real))


class FloatBackend:
    """Machine complex numbers."""

    _CALLS: dict[str, Callable[[complex], complex]] = {  # noqa: RUF012
        "ln": cmath.log,
        "sin": cmath.sin,
        "cos": cmath.cos,
        "tan": cmath.tan,
        "cot": _cot,
        "sec": lambda z: 1 / cmath.cos(z),
        "csc": lambda z: 1 / cmath.sin(z),
        "sinh": cmath.sinh,
        "cosh": cmath.cosh,
        "tanh": cmath.tanh,
        "arcsin": cmath.asin,
        "arccos": cmath.acos,
        "arctan": cmath.atan,
        "abs": lambda z: complex(abs(z)),
        "floor": _floor,
    }
    _CONSTANTS = {"pi": math.pi, "e": math.e, "°": math.pi / 180, "%": 0.01, "i": 1j}  # noqa: RUF012

    def __init__(self) -> None:
        self.peak = 0.0

    def number(self, value: Fraction) -> complex:
        over, under = value.as_integer_ratio()
        return complex(over / under)

    def constant(self, name: str) -> complex:
        return complex(self._CONSTANTS[name])

    def add(self, terms: list[complex]) -> complex:
        self.peak = max(self.peak, *map(abs, terms))
        return sum(terms)

    def mul(self, a: complex, b: complex) -> complex:
        return a * b

    def div(self, a: complex, b: complex) -> complex:
        return a / b

    def integer_power(self, base: complex, n: int) -> complex:
        return base**n

    def power(self, base: complex, exponent: complex) -> complex:
        return base**exponent

    def real(self, value: complex) -> Fraction | None:
        return Fraction(value.real) if value.imag == 0 else None

    def call(self, name: str, value: complex) -> complex:
        if name not in self._CALLS:
            raise NoValue
        return self._CALLS[name](value)


Pair = tuple[Decimal, Decimal]
_ZERO, _DECIMAL_ONE = Decimal(0), Decimal(1)
_HALF = (Decimal("0.5"), _ZERO)


def decimal_context(digits: int) -> Context:
    """Arithmetic with that many digits; overflow and undefined operations raise."""
    return Context(prec=digits, Emax=400_000, Emin=-400_000, traps=[Overflow, InvalidOperation, DivisionByZero])


@lru_cache(maxsize=16)
def decimal_pi(digits: int) -> Decimal:
    """π, by Machin's formula in integers."""
    scale: int = 10 ** (digits + 10)

    def arctan_inverse(n: int) -> int:
        term = total = scale // n
        k, sign = 3, -1
        while term:
            term //= n * n
            total += sign * (term // k)
            k, sign = k + 2, -sign
        return total

    return Decimal(4 * (4 * arctan_inverse(5) - arctan_inverse(239))).scaleb(
        -(digits + 10), decimal_context(digits + 10)
    )


class DecimalBackend:
    """Complex numbers with `digits` decimal digits; use inside `localcontext(context(digits))`."""

    def __init__(self, digits: int) -> None:
        self.digits = digits
        self.peak = _ZERO

    def number(self, value: Fraction) -> Pair:
        return Decimal(value.numerator) / Decimal(value.denominator), _ZERO

    def constant(self, name: str) -> Pair:
        if name == "e":
            return _DECIMAL_ONE.exp(), _ZERO
        if name == "%":
            return Decimal("0.01"), _ZERO
        if name == "i":
            return _ZERO, _DECIMAL_ONE
        return (+decimal_pi(self.digits) if name == "pi" else decimal_pi(self.digits) / 180), _ZERO

    def add(self, terms: list[Pair]) -> Pair:
        re = im = _ZERO
        for a, b in terms:
            self.peak = max(self.peak, abs(a), abs(b))
            re, im = re + a, im + b
        return re, im

    def mul(self, a: Pair, b: Pair) -> Pair:
        if not a[1] and not b[1]:
            return a[0] * b[0], _ZERO
        return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]

    def div(self, a: Pair, b: Pair) -> Pair:
        if not b[1]:
            return a[0] / b[0], a[1] / b[0]
        norm = b[0] * b[0] + b[1] * b[1]
        return self.mul(a, (b[0] / norm, -b[1] / norm))

    def integer_power(self, base: Pair, n: int) -> Pair:
        if not base[1]:
            return base[0] ** n, _ZERO
        if abs(n) > 10_000:
            raise NoValue
        result, square, k = (_DECIMAL_ONE, _ZERO), base, abs(n)
        while k:
            if k & 1:
                result = self.mul(result, square)
            square, k = self.mul(square, square), k >> 1
        return result if n >= 0 else self.div((_DECIMAL_ONE, _ZERO), result)

    def power(self, base: Pair, exponent: Pair) -> Pair:
        if not base[0] and not base[1]:
            if exponent[0] > 0:
                return _ZERO, _ZERO
            raise NoValue
        if exponent == _HALF and not base[1]:
            size = abs(base[0]).sqrt()
            return (size, _ZERO) if base[0] > 0 else (_ZERO, size)
        return self._exp(self.mul(exponent, self._ln(base)))

    def real(self, value: Pair) -> Fraction | None:
        return Fraction(value[0]) if not value[1] and value[0].adjusted() < 400 else None

    def call(self, name: str, value: Pair) -> Pair:
        if name == "ln":
            return self._ln(value)
        if name == "abs":
            return self._abs(value), _ZERO
        if name in ("sinh", "cosh", "tanh"):
            up, down = self._exp(value), self._exp((-value[0], -value[1]))
            minus, plus = self.add([up, (-down[0], -down[1])]), self.add([up, down])
            if name == "tanh":
                return self.div(minus, plus)
            return self.div(minus if name == "sinh" else plus, (Decimal(2), _ZERO))
        if value[1]:
            raise NoValue
        x = value[0]
        if name == "floor":
            whole = x.to_integral_value()
            near = abs(x - whole) < Decimal(10) ** (-self.digits // 2)
            return whole if near else x.to_integral_value(ROUND_FLOOR), _ZERO
        if name in ("arcsin", "arccos", "arctan"):
            return self._inverse(name, x), _ZERO
        sine, cosine = self._sin_cos(x)
        table = {
            "sin": (sine, _DECIMAL_ONE),
            "cos": (cosine, _DECIMAL_ONE),
            "tan": (sine, cosine),
            "cot": (cosine, sine),
            "sec": (_DECIMAL_ONE, cosine),
            "csc": (_DECIMAL_ONE, sine),
        }
        if name not in table:
            raise NoValue
        over, under = table[name]
        if abs(under) < Decimal(10) ** (8 - self.digits):
            raise NoValue
        return over / under, _ZERO

    def _abs(self, z: Pair) -> Decimal:
        return abs(z[0]) if not z[1] else (z[0] * z[0] + z[1] * z[1]).sqrt()

    def _exp(self, z: Pair) -> Pair:
        size = z[0].exp()
        if not z[1]:
            return size, _ZERO
        sine, cosine = self._sin_cos(z[1])
        return size * cosine, size * sine

    def _ln(self, z: Pair) -> Pair:
        if not z[1] and z[0] > 0:
            return z[0].ln(), _ZERO
        size = self._abs(z)
        if not size:
            raise NoValue
        angle = 2 * self._arctan(z[1] / (size + z[0])) if z[1] or z[0] > 0 else decimal_pi(self.digits)
        return size.ln(), angle

    def _sin_cos(self, x: Decimal) -> tuple[Decimal, Decimal]:
        if abs(x) > 1_000_000:
            raise NoValue
        full = 2 * decimal_pi(self.digits + 10)
        with localcontext(decimal_context(self.digits + 10)):
            x = x.remainder_near(full)
            # Halve the angle six times, then double it back.
            x /= 64
            term, sine, n = x, x, 1
            while term and term.adjusted() > -self.digits - 12:
                term = -term * x * x / ((n + 1) * (n + 2))
                sine, n = sine + term, n + 2
            cosine = (1 - sine * sine).sqrt()
            for _ in range(6):
                sine, cosine = 2 * sine * cosine, 1 - 2 * sine * sine
        return +sine, +cosine

    def _arctan(self, x: Decimal) -> Decimal:
        with localcontext(decimal_context(self.digits + 10)):
            for _ in range(6):
                x = x / (1 + (1 + x * x).sqrt())
            square, power, total, n = x * x, x, x, 1
            while power and power.adjusted() > -self.digits - 12:
                power, n = -power * square, n + 2
                total += power / n
            total *= 64
        return +total

    def _inverse(self, name: str, x: Decimal) -> Decimal:
        if name == "arctan":
            return self._arctan(x)
        if abs(x) > 1:
            raise NoValue
        half = decimal_pi(self.digits) / 2
        sine = half.copy_sign(x) if abs(x) == 1 else self._arctan(x / (1 - x * x).sqrt())
        return sine if name == "arcsin" else half - sine


POINTS = 3
TRIALS = 12
MAX_UNKNOWN = 3
"""Points without a value after which two expressions are given up."""
MAX_DIGITS = 800

Point = dict[str, Fraction]

_ONE, _MINUS_ONE = Fraction(1), Fraction(-1)


def iter_leaves(expr: Expr) -> list[Expr]:
    """Every node of the tree."""
    nodes: list[Expr] = [expr]
    for node in nodes:
        if isinstance(node, Call):
            nodes += node.args
    return nodes


def find_symbols(*exprs: Expr) -> set[str]:
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


def sample_point(names: set[str], trial: int, whole: bool = False) -> Point:
    """The coordinates of a trial; whole numbers where factorials are to be evaluated."""
    return {name: _coordinate(name, trial, whole) for name in names}


def evaluate(expr: Expr, at: Point, field: NumberBackend[T]) -> T:
    """The value of `expr` where the symbols have these values. Raises `NoValue` or an `ArithmeticError`."""
    if isinstance(expr, Num):
        return field.number(expr.value)
    if isinstance(expr, Call):
        return _call(expr.op, expr.args, at, field)
    if isinstance(expr, Sym):
        # Read as a variable or as the imaginary unit: what is equal for every i is equal for this one.
        return field.constant("i") if expr.name == "i" else field.number(at[expr.name])
    if isinstance(expr, Unit):
        return _unit(expr, field)
    if expr.name == "inf":
        raise NoValue
    return field.constant(expr.name)


def _call(op: str, args: tuple[Expr, ...], at: Point, field: NumberBackend[T]) -> T:
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


def _unit(unit: Unit, field: NumberBackend[T]) -> T:
    if not unit.known:
        return field.number(_coordinate(f"unit {unit.name}", 0, False))
    factor, base, degree = UNITS[unit.name]
    return field.number(factor * _coordinate(f"unit {base}", 0, False) ** degree)


def _whole(value: T, field: NumberBackend[T]) -> int:
    exact = field.real(value)
    if exact is None or exact.denominator != 1 or not 0 <= exact <= MAX_FACTORIAL:
        raise NoValue
    return exact.numerator


def _power(base: Expr, exponent: Expr, at: Point, field: NumberBackend[T]) -> T:
    under = evaluate(base, at, field)
    if isinstance(exponent, Num):
        n, degree = exponent.value.numerator, exponent.value.denominator
        if degree == 1:
            return field.integer_power(under, n)
        if degree % 2 and degree < 100:
            index = Num(Fraction(degree))
            return field.integer_power(_root(index, field.number(index.value), under, field), n)
    return field.power(under, evaluate(exponent, at, field))


def _root(degree: Expr, index: T, under: T, field: NumberBackend[T]) -> T:
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
        for node in iter_leaves(expr):
            if isinstance(node, Num):
                bits = node.value.numerator.bit_length() + node.value.denominator.bit_length()
                written += bits * 3 // 10
    return 100 + 4 * written


def _float(expr: Expr, at: Point, field: FloatBackend) -> complex | None:
    """The value; None where floats cannot tell. Raises `NoValue` where it is undefined."""
    try:
        value = evaluate(expr, at, field)
    except (ArithmeticError, ValueError):
        return None
    return value if abs(value) < 1e300 else None


def _refute(a: Expr, b: Expr, at: Point) -> bool:
    """Whether floats tell them apart beyond doubt."""
    field = FloatBackend()
    x, y = _float(a, at, field), _float(b, at, field)
    if x is None or y is None:
        return False
    gap = abs(x - y)
    return gap > 1e-9 * max(field.peak, abs(x), abs(y)) and gap > 1e-280


def _compare(a: Expr, b: Expr, at: Point) -> bool | None:
    """Whether they agree here; None where one of them has no value."""
    try:
        return False if _refute(a, b, at) else _confirm(a, b, at)
    except NoValue:
        return None


def _confirm(a: Expr, b: Expr, at: Point) -> bool | None:
    """Whether they agree to half of the digits; None where one of them has no value."""
    digits = _digits(a, b)
    if digits > MAX_DIGITS:
        return False
    field = DecimalBackend(digits)
    try:
        with localcontext(decimal_context(digits)):
            x, y = evaluate(a, at, field), evaluate(b, at, field)
            scale = max(field.peak, *(abs(part) for part in (*x, *y)))
            gap = max(abs(x[0] - y[0]), abs(x[1] - y[1]))
            return gap <= scale * Decimal(10) ** (-digits // 2)
    except (NoValue, DecimalException, ArithmeticError, ValueError):
        return None


def is_infinity(expr: Expr) -> int:
    """1 or -1 for plus or minus infinity, else 0."""
    if isinstance(expr, Const) and expr.name == "inf":
        return 1
    if isinstance(expr, Call) and expr.op == "neg":
        return -is_infinity(expr.args[0])
    return 0


def are_equal(a: Expr, b: Expr) -> bool:
    """Whether two expressions are equal for all values of their symbols, within the digits that can be had."""
    if isinstance(a, Num) and isinstance(b, Num):
        return a.value == b.value
    if a == b:
        return True
    if is_infinity(a) or is_infinity(b):
        return is_infinity(a) == is_infinity(b)
    names = find_symbols(a, b)
    whole = bool(names) and any(
        isinstance(node, Call) and node.op in ("!", "binom") for expr in (a, b) for node in iter_leaves(expr)
    )
    wanted = POINTS if names - {"i"} else 1
    agreed = unknown = 0
    for trial in range(TRIALS if names else 1):
        at = sample_point(names, trial, whole)
        verdict = _compare(a, b, at)
        if verdict is False:
            return False
        agreed += verdict is True
        unknown += verdict is None
        if unknown > MAX_UNKNOWN and not whole:
            return False
        if agreed == wanted:
            return True
    return False
