"""Two kinds of numbers in which expressions are evaluated: floats to refute, long decimals to confirm."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from decimal import ROUND_FLOOR, Context, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from fractions import Fraction
from functools import lru_cache
from typing import Any, Protocol, TypeVar

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
