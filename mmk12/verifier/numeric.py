"""Decides numerically whether two expressions are equal: `are_equal`.

Both are evaluated at a few points. Floats refute equality, which is cheap; decimals with a hundred digits and more
confirm it. The coordinates are rationals derived from the names of the symbols, so a verdict never depends on a clock
or a seed. An expression that is too large to evaluate equals only itself.
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
from typing import Any, Protocol, TypeVar

from mmk12.verifier.nodes import AnswerList, Bracketed, Call, Const, Expr, Num, Relation, Sym, Unit, Value, is_expr
from mmk12.verifier.units import UNITS

# Number backends: floats to refute, long decimals to confirm


T = TypeVar("T")


class NoValue(Exception):
    """The expression is undefined at this point, or its value is out of bounds."""


class NumberBackend(Protocol[T]):
    """The operations that `evaluate` needs of a kind of number.

    Operations raise `NoValue` or an `ArithmeticError` where they are undefined. `add` keeps the largest term as `peak`,
    by which the comparison measures cancellation. `real` returns the exact value, None if it is not real.
    """

    def number(self, value: Fraction) -> T: ...
    def constant(self, name: str) -> T: ...
    def add(self, terms: list[T]) -> T: ...
    def mul(self, a: T, b: T) -> T: ...
    def div(self, a: T, b: T) -> T: ...
    def integer_power(self, base: T, n: int) -> T: ...
    def power(self, base: T, exponent: T) -> T: ...
    def principal_power(self, base: T, exponent: T) -> T: ...
    def real(self, value: T) -> Fraction | None: ...
    def call(self, name: str, value: T) -> T: ...


def _cot(z: complex) -> complex:
    return 1 / cmath.tan(z)


def _floor(z: complex) -> complex:
    if z.imag or abs(z.real - round(z.real)) < 1e-9:
        raise ArithmeticError  # too close to an integer for floats to decide
    return complex(math.floor(z.real))


def _leaves_the_reals(name: str, value: Any) -> bool:
    """Whether a function of a real number has no real value."""
    return (name == "ln" and value < 0) or (name in ("arcsin", "arccos") and abs(value) > 1)


class FloatBackend:
    """Complex numbers in double precision."""

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

    def __init__(self, real_only: bool = False) -> None:
        self.peak = 0.0
        self.real_only = real_only

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
        if self.real_only and base.real < 0:
            raise NoValue
        return self.principal_power(base, exponent)

    def principal_power(self, base: complex, exponent: complex) -> complex:
        return base**exponent

    def real(self, value: complex) -> Fraction | None:
        return Fraction(value.real) if value.imag == 0 else None

    def call(self, name: str, value: complex) -> complex:
        self.peak = max(self.peak, 1.0)  # of sin π nothing is left but the rounding of a value of that size
        if name not in self._CALLS or (self.real_only and _leaves_the_reals(name, value.real)):
            raise NoValue
        return self._CALLS[name](value)


DecimalComplex = tuple[Decimal, Decimal]
"""Real and imaginary part"""

_ZERO, _DECIMAL_ONE = Decimal(0), Decimal(1)
_HALF = (Decimal("0.5"), _ZERO)


def decimal_context(digits: int) -> Context:
    """Returns a context of arithmetic with that many digits; overflow and undefined operations raise."""
    return Context(prec=digits, Emax=400_000, Emin=-400_000, traps=[Overflow, InvalidOperation, DivisionByZero])


@lru_cache(maxsize=16)
def decimal_pi(digits: int) -> Decimal:
    """Returns π to that many digits, by Machin's formula in integers."""
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
    """Complex numbers with `digits` decimal digits, to be used inside `localcontext(decimal_context(digits))`."""

    def __init__(self, digits: int, real_only: bool = False) -> None:
        self.digits = digits
        self.peak = _ZERO
        self.real_only = real_only

    def number(self, value: Fraction) -> DecimalComplex:
        return Decimal(value.numerator) / Decimal(value.denominator), _ZERO

    def constant(self, name: str) -> DecimalComplex:
        if name == "e":
            return _DECIMAL_ONE.exp(), _ZERO
        if name == "%":
            return Decimal("0.01"), _ZERO
        if name == "i":
            return _ZERO, _DECIMAL_ONE
        return (+decimal_pi(self.digits) if name == "pi" else decimal_pi(self.digits) / 180), _ZERO

    def add(self, terms: list[DecimalComplex]) -> DecimalComplex:
        re = im = _ZERO
        for a, b in terms:
            self.peak = max(self.peak, abs(a), abs(b))
            re, im = re + a, im + b
        return re, im

    def mul(self, a: DecimalComplex, b: DecimalComplex) -> DecimalComplex:
        if not a[1] and not b[1]:
            return a[0] * b[0], _ZERO
        return a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]

    def div(self, a: DecimalComplex, b: DecimalComplex) -> DecimalComplex:
        if not b[1]:
            return a[0] / b[0], a[1] / b[0]
        norm = b[0] * b[0] + b[1] * b[1]
        return self.mul(a, (b[0] / norm, -b[1] / norm))

    def integer_power(self, base: DecimalComplex, n: int) -> DecimalComplex:
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

    def power(self, base: DecimalComplex, exponent: DecimalComplex) -> DecimalComplex:
        if self.real_only and base[0] < 0:
            raise NoValue
        return self.principal_power(base, exponent)

    def principal_power(self, base: DecimalComplex, exponent: DecimalComplex) -> DecimalComplex:
        if not base[0] and not base[1]:
            if exponent[0] > 0:
                return _ZERO, _ZERO
            raise NoValue
        if exponent == _HALF and not base[1]:
            size = abs(base[0]).sqrt()
            return (size, _ZERO) if base[0] > 0 else (_ZERO, size)
        return self._exp(self.mul(exponent, self._ln(base)))

    def real(self, value: DecimalComplex) -> Fraction | None:
        return Fraction(value[0]) if not value[1] and value[0].adjusted() < 400 else None

    def call(self, name: str, value: DecimalComplex) -> DecimalComplex:
        self.peak = max(self.peak, _DECIMAL_ONE)
        if self.real_only and _leaves_the_reals(name, value[0]):
            raise NoValue
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

    def _abs(self, z: DecimalComplex) -> Decimal:
        return abs(z[0]) if not z[1] else (z[0] * z[0] + z[1] * z[1]).sqrt()

    def _exp(self, z: DecimalComplex) -> DecimalComplex:
        size = z[0].exp()
        if not z[1]:
            return size, _ZERO
        sine, cosine = self._sin_cos(z[1])
        return size * cosine, size * sine

    def _ln(self, z: DecimalComplex) -> DecimalComplex:
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
            # The angle is halved six times, and doubled again at the end.
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
