"""Reads numerals, and the operations that have a name: `1e9`, `\\log_2 8`, `C_5^2`."""

from __future__ import annotations

from fractions import Fraction
from math import comb, perm

from mmk12.verifier.lexer import UnreadableAnswer
from mmk12.verifier.nodes import ONE, Call, Const, Expr, Num, Sym, make_negative, make_power, make_quotient

MAX_DIGITS = 1200
"""Digits of the longest numeral."""
MAX_EXPONENT = 3000
"""Largest exponent of a numeral such as `1e9`."""
SMALL_INTEGERS = {str(value): Num(Fraction(value)) for value in range(1000)}
"""The most frequent numerals, made once."""


def parse_number(text: str) -> Num:
    """Returns the exact value of a numeral. Raises `UnreadableAnswer` if it is too large."""
    small = SMALL_INTEGERS.get(text)
    if small is not None:
        return small
    digits = text.replace(",", "")
    mantissa, _, exponent = digits.replace("E", "e").partition("e")
    if len(mantissa) > MAX_DIGITS or len(exponent) > 12 or (exponent and abs(int(exponent)) > MAX_EXPONENT):
        raise UnreadableAnswer
    whole, _, decimals = mantissa.partition(".")
    value = Fraction(int(whole + decimals), 10 ** len(decimals)) if decimals else Fraction(int(whole))
    return Num(value * Fraction(10) ** int(exponent) if exponent else value)


# Named operations


_INVERSES = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}
_COUNTS = {"C_": comb, "A_": perm}
MAX_CHOSEN = 300
"""Largest n of a binomial coefficient that is computed while it is read."""


def make_function(name: str, args: list[Expr], index: Expr | None, exponent: Expr | None) -> Expr:
    """Returns a named function with its index and exponent: `\\log_2 8`, `\\sin^2 x`, `\\sin^{-1} x`."""
    if name == "lg":
        name, index = "log", Num(Fraction(10))
    if name == "log":
        base = Call("ln", (index,)) if index is not None else Call("ln", (Num(Fraction(10)),))
        value: Expr = make_quotient(Call("ln", tuple(args)), base)
    elif name == "exp":
        value = make_power(Const("e"), args[0])
    elif exponent is not None and exponent == make_negative(ONE) and name in _INVERSES:
        return Call(_INVERSES[name], tuple(args))
    else:
        value = Call({"arccot": "acot"}.get(name, name), tuple(args))
    return make_power(value, exponent) if exponent is not None else value


def make_floor(arg: Expr) -> Expr:
    """Returns the largest integer that is not above `arg`; a call if `arg` is no number yet."""
    if isinstance(arg, Num):
        return Num(Fraction(arg.value.numerator // arg.value.denominator))
    return Call("floor", (arg,))


def make_combinatorial(base: Expr, exponent: Expr) -> Expr | None:
    """Returns `C_5^2` or `A_5^2`, the combinations and arrangements of Chinese schools; None for anything else."""
    if not isinstance(base, Sym) or base.name[:2] not in _COUNTS or not isinstance(exponent, Num):
        return None
    index = base.name[2:]
    if not (index.isascii() and index.isdigit() and len(index) < 4) or exponent.value.denominator != 1:
        return None
    n, k = int(index), exponent.value.numerator
    return Num(Fraction(_COUNTS[base.name[:2]](n, k))) if 0 <= k <= n <= MAX_CHOSEN else None
