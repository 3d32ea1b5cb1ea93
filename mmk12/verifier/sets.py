"""Inequalities, intervals and their unions as sets of reals, so that `x > 1`, `1 < x` and `(1, +∞)` are one answer.

Endpoints stay expressions. Only linear conditions in one symbol are solved; everything else is not a set here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from mmk12.verifier.evaluate import infinity, same, symbols
from mmk12.verifier.numbers import decimal, equal
from mmk12.verifier.profiles import Profile
from mmk12.verifier.values import (
    ONE,
    ZERO,
    Brackets,
    Call,
    Const,
    Expr,
    Listing,
    Relation,
    Sym,
    Union,
    Value,
    add,
    div,
    neg,
    rebuilt,
)

INFINITY = Const("inf")
FLIPPED = {"<": ">", ">": "<", "≤": "≥", "≥": "≤", "=": "=", "≠": "≠"}


@dataclass(frozen=True, slots=True)
class Piece:
    """An interval; infinite ends are open."""

    low: Expr
    low_closed: bool
    high: Expr
    high_closed: bool


@dataclass(frozen=True, slots=True)
class RealSet:
    """A union of intervals, and the variable that ranges over it if the text named one."""

    pieces: tuple[Piece, ...]
    variable: str | None


def as_expr(value: Value | None) -> Expr | None:
    """`value` if it is an expression."""
    return value if isinstance(value, Expr) else None


def substituted(expr: Expr, name: str, value: Expr) -> Expr:
    """`expr` with a symbol replaced."""
    if isinstance(expr, Sym):
        return value if expr.name == name else expr
    if isinstance(expr, Call):
        return rebuilt(expr.op, [substituted(arg, name, value) for arg in expr.args])
    return expr


def linear(expr: Expr, name: str) -> tuple[Expr, Expr] | None:
    """(slope, offset) if `expr` is linear in that symbol."""
    offset = substituted(expr, name, ZERO)
    slope = add([substituted(expr, name, ONE), neg(offset)])
    rebuilt_line = add([Call("*", (slope, Sym(name))), offset])
    return (slope, offset) if same(rebuilt_line, expr) else None


def variable(expr: Expr) -> str | None:
    """The name of a variable or of a quantity such as the segment `AB`; None for anything else."""
    if isinstance(expr, Sym):
        return expr.name
    if isinstance(expr, Call) and expr.op == "*" and all(isinstance(a, Sym) and a.name[0].isupper() for a in expr.args):
        return "".join(sorted(a.name for a in expr.args if isinstance(a, Sym)))
    return None


def _below(bound: Expr, closed: bool) -> Piece:
    return Piece(neg(INFINITY), False, bound, closed and not infinity(bound))


def _above(bound: Expr, closed: bool) -> Piece:
    return Piece(bound, closed and not infinity(bound), INFINITY, False)


def _halves(op: str, bound: Expr) -> tuple[Piece, ...]:
    if op in "<≤":
        return (_below(bound, op == "≤"),)
    if op in ">≥":
        return (_above(bound, op == "≥"),)
    return (_below(bound, False), _above(bound, False))


def _simple(left: Expr | None, op: str, right: Expr) -> RealSet | None:
    """`variable op bound`, with the sides in any order, or a linear condition in one symbol."""
    if left is None:
        return RealSet(_halves(op, right), None)
    for name, bound, sign in ((variable(left), right, op), (variable(right), left, FLIPPED[op])):
        if name is not None and not symbols(bound) & {name, *(symbols(left) & symbols(right))}:
            return RealSet(_halves(sign, bound), name)
    names = symbols(left, right)
    if len(names) != 1:
        return None
    (name,) = names
    line = linear(add([left, neg(right)]), name)
    slope = decimal(line[0]) if line else None
    if line is None or not slope:
        return None
    return RealSet(_halves(op if slope > 0 else FLIPPED[op], div(neg(line[1]), line[0])), name)


def _chain(relation: Relation) -> RealSet | None:
    """`a < x ≤ b`, or one condition."""
    members = [as_expr(member) for member in relation.members]
    if any(op not in FLIPPED or op == "=" for op in relation.ops):
        return None
    if len(members) == 2 and members[1] is not None:
        return _simple(members[0], relation.ops[0], members[1])
    if len(members) != 3 or any(member is None for member in members):
        return None
    low, middle, high = members
    assert low is not None and middle is not None and high is not None
    first, second = relation.ops
    if first in ">≥" and second in ">≥":
        low, high, first, second = high, low, FLIPPED[second], FLIPPED[first]
    if first not in "<≤" or second not in "<≤":
        return None
    name = variable(middle)
    if name is None:
        names = symbols(middle)
        line = linear(middle, next(iter(names))) if len(names) == 1 else None
        slope = decimal(line[0]) if line else None
        if line is None or not slope:
            return None
        (name,) = names
        low, high = (div(add([end, neg(line[1])]), line[0]) for end in (low, high))
        if slope < 0:
            low, high, first, second = high, low, second, first
    return RealSet((Piece(low, first == "≤", high, second == "≤"),), name)


def as_set(value: Value) -> RealSet | None:
    """The set of reals that `value` describes, if it does."""
    if isinstance(value, Relation):
        if value.ops == ("∈",) and value.members[1] is not None:
            inner = as_set(value.members[1])
            owner = as_expr(value.members[0])
            if inner is None or inner.variable is not None:
                return inner
            return RealSet(inner.pieces, variable(owner) if owner is not None else None)
        return _chain(value)
    if isinstance(value, Brackets):
        ends = [as_expr(item) for item in value.items]
        if len(ends) == 2 and value.opening in "([" and value.closing in ")]" and None not in ends:
            low, high = ends
            assert low is not None and high is not None
            closed = (value.opening == "[", value.closing == "]")
            return RealSet((Piece(low, closed[0], high, closed[1]),), None)
        return None
    if isinstance(value, Union) or (isinstance(value, Listing) and value.joint == "or"):
        parts = [as_set(part) for part in (value.parts if isinstance(value, Union) else value.items)]
        pieces: list[Piece] = []
        names = set()
        for part in parts:
            if part is None:
                return None
            pieces.extend(part.pieces)
            names.add(part.variable)
        return _merged(pieces, names.pop()) if len(names) == 1 else None
    return None


def _position(end: Expr) -> Decimal | None:
    sign = infinity(end)
    return Decimal("Infinity") * sign if sign else decimal(end)


def _merged(pieces: list[Piece], name: str | None) -> RealSet | None:
    """Sorted, with pieces that overlap or touch joined; None where an end is not a constant."""
    placed = [(_position(piece.low), _position(piece.high), piece) for piece in pieces]
    if len(pieces) > 20 or any(low is None or high is None for low, high, _ in placed):
        return None
    placed.sort(key=lambda entry: (entry[0], not entry[2].low_closed))
    result = [placed[0][2]]
    reach = placed[0][1]
    for low, high, piece in placed[1:]:
        last = result[-1]
        assert low is not None and high is not None and reach is not None
        if low < reach or (low == reach and (piece.low_closed or last.high_closed)):
            if high > reach or (high == reach and piece.high_closed):
                result[-1] = Piece(last.low, last.low_closed, piece.high, piece.high_closed)
                reach = high
        else:
            result.append(piece)
            reach = high
    return RealSet(tuple(result), name)


def is_point(value: Value) -> bool:
    """Whether round brackets with two entries stand here: an open interval or a point of the plane."""
    return isinstance(value, Brackets) and value.opening == "(" and value.closing == ")"


def equal_sets(gold: RealSet, answer: RealSet, profile: Profile) -> bool:
    """Same ends, same closedness, and not different variables."""
    if gold.variable and answer.variable and gold.variable != answer.variable:
        return False
    if len(gold.pieces) != len(answer.pieces):
        return False
    return all(
        a.low_closed == b.low_closed
        and a.high_closed == b.high_closed
        and equal(a.low, b.low, profile) is not None
        and equal(a.high, b.high, profile) is not None
        for a, b in zip(gold.pieces, answer.pieces, strict=True)
    )
