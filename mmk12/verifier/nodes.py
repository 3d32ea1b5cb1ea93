"""Defines the values that answers are parsed to: the nodes of expressions, and the structures around them.

Expressions are numbers, names, constants, units and calls. Everything else (`Bracketed`, `Relation`, `Matrix` and so
on) has expressions as its parts. The functions `make_…` fold rational arithmetic while a tree is built, so that plain
numbers never become trees.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, TypeGuard, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def frozen(cls: type[T]) -> type[T]:
    """Makes `cls` a hashable dataclass with slots, frozen for the type checker only.

    `dataclass(frozen=True)` forbids assignment at run time as well, which doubles the time of the constructor; a
    verdict constructs dozens of values.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)


MAX_BITS = 20_000
"""Bits of the largest numerator or denominator that is computed exactly; `9^{9^9}` stays a power."""


@frozen
class Num:
    """An exact rational."""

    value: Fraction


@frozen
class Sym:
    """A free variable, segment, angle or vector; `\\angle ABC` is one name."""

    name: str


@frozen
class Const:
    """A named constant: pi, e, infinity, or the marks `°` and `%`, which are factors like any other."""

    name: Literal["pi", "e", "inf", "°", "%"]


@frozen
class Unit:
    """A unit of measurement as a factor; see `units.py`. `known` is False for a counted noun such as `sets`."""

    name: str
    known: bool = True


@frozen
class Call:
    """An operation applied to expressions: `+ * / ^ neg root pm mp ! abs binom floor` or a named function."""

    op: str
    args: tuple[Expr, ...]


Expr = Num | Sym | Const | Unit | Call


@frozen
class Bracketed:
    """`(a, b)`, `[a, b)`, `{a, b}`: a point, an interval or a set; the gold decides which."""

    opening: str
    items: tuple[Value, ...]
    closing: str


@frozen
class Relation:
    """`members[0] ops[0] members[1] …`, with ops among `= ≈ ≡ ≠ < ≤ > ≥ ∈ ∥ ⊥ ≅ ∼ →`; an empty side is None."""

    members: tuple[Value | None, ...]
    ops: tuple[str, ...]


@frozen
class Ratio:
    """`a:b:c`, which may also be a time of day: the gold decides. `literal` is the text."""

    items: tuple[Expr, ...]
    literal: str


@frozen
class TimeOfDay:
    """A time of day. `literal` is the text of hours and minutes; `half` is `a` (a.m.) or `p` (p.m.)."""

    literal: str
    half: str


@frozen
class Matrix:
    """Rows of entries."""

    rows: tuple[tuple[Value, ...], ...]


@frozen
class Union:
    """Sets joined by `∪`."""

    parts: tuple[Value, ...]


@frozen
class Difference:
    """A set without the elements of another: `whole \\setminus less`."""

    whole: Value
    less: Value


@frozen
class Text:
    """Words in lower case without punctuation; `raw` is the text without commands that only format it."""

    words: tuple[str, ...]
    raw: str


@frozen
class AnswerList:
    """Several answers.

    `separator` says how they were written: `or`, `blanks` (in fields or lines of their own), `space` or `,`.
    """

    items: tuple[Value, ...]
    separator: Literal["or", "blanks", "space", ","]


@frozen
class AmbiguousNumber:
    """`12,345`, `12 345` or `2^3 3^2`: one number or several answers. What it is compared with decides."""

    one: Expr
    several: AnswerList


Value = (
    Expr | Bracketed | Relation | Ratio | TimeOfDay | Matrix | Union | Difference | Text | AnswerList | AmbiguousNumber
)

BOUND = "·"
"""The name of a variable that has none outside of its set: `{k | k > 1}` and `{x | x > 1}` are one set."""
ZERO, ONE, TWO, THREE = (Num(Fraction(value)) for value in range(4))
PI, DEGREE, PERCENT = Const("pi"), Const("°"), Const("%")


def _small(value: Fraction) -> bool:
    over, under = value.as_integer_ratio()
    return over.bit_length() <= MAX_BITS and under.bit_length() <= MAX_BITS


def make_negative(arg: Expr) -> Expr:
    """Returns `-arg`."""
    return Num(-arg.value) if isinstance(arg, Num) else Call("neg", (arg,))


def make_sum(terms: list[Expr]) -> Expr:
    """Returns the sum of at least one term."""
    total: Fraction | None = None
    for term in terms:
        if not isinstance(term, Num):
            break
        total = term.value if total is None else total + term.value
        if not _small(total):
            break
    else:
        if total is not None:
            return Num(total)
    return terms[0] if len(terms) == 1 else Call("+", tuple(terms))


def make_product(factors: list[Expr]) -> Expr:
    """Returns the product of at least one factor, with all numbers multiplied into the first factor."""
    if len(factors) == 1:
        return factors[0]
    number = ONE
    others: list[Expr] = []
    for factor in factors:
        if not isinstance(factor, Num):
            others.append(factor)
        elif number is ONE:
            number = factor
        else:
            product = number.value * factor.value
            if _small(product):
                number = Num(product)
            else:
                others.append(factor)
    if not others:
        return number
    if number is not ONE and number.value != 1:
        others.insert(0, number)
    return others[0] if len(others) == 1 else Call("*", tuple(others))


def make_quotient(over: Expr, under: Expr) -> Expr:
    """Returns `over / under`; a division by zero stays a call, which has no value."""
    if isinstance(over, Num) and isinstance(under, Num) and under.value:
        quotient = over.value / under.value
        if _small(quotient):
            return Num(quotient)
    return Call("/", (over, under))


def make_power(base: Expr, exponent: Expr) -> Expr:
    """Returns `base ^ exponent`; integer powers of rationals are computed as long as they are small."""
    if isinstance(base, Num) and isinstance(exponent, Num) and exponent.value.denominator == 1:
        n = exponent.value.numerator
        bits = max(base.value.numerator.bit_length(), base.value.denominator.bit_length())
        # 0^0 and 0^-1 have no value here: they stay calls.
        if bits * abs(n) <= MAX_BITS and (base.value or n > 0):
            return Num(base.value**n)
    return Call("^", (base, exponent))


def rebuild(op: str, args: list[Expr]) -> Expr:
    """Returns the call of `op`, with rational arithmetic folded."""
    if op == "+":
        return make_sum(args)
    if op == "*":
        return make_product(args)
    if op == "/":
        return make_quotient(*args)
    if op == "^":
        return make_power(*args)
    if op == "neg":
        return make_negative(args[0])
    return Call(op, tuple(args))


def is_expr(value: object) -> TypeGuard[Expr]:
    """Whether `value` is an expression."""
    return isinstance(value, Expr)
