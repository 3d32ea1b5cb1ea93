"""Named functions with their index and exponent, as calls that `evaluate` knows."""

from __future__ import annotations

from fractions import Fraction

from mmk12.verifier.values import ONE, Call, Const, Expr, Num, div, neg, power

_INVERSES = {"sin": "arcsin", "cos": "arccos", "tan": "arctan"}


def applied(name: str, args: list[Expr], base: Expr | None, exponent: Expr | None) -> Expr:
    """A named function with its index: `\\log_2 8`, `\\sin^2 x`, `\\sin^{-1} x`."""
    if name == "lg":
        name, base = "log", Num(Fraction(10))
    if name == "log":
        under = Call("ln", (base,)) if base is not None else Call("ln", (Num(Fraction(10)),))
        value: Expr = div(Call("ln", tuple(args)), under)
    elif name == "exp":
        value = power(Const("e"), args[0])
    elif exponent is not None and exponent == neg(ONE) and name in _INVERSES:
        return Call(_INVERSES[name], tuple(args))
    else:
        value = Call({"arccot": "acot"}.get(name, name), tuple(args))
    return power(value, exponent) if exponent is not None else value
