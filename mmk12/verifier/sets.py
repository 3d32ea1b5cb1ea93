"""Inequalities, intervals and their unions as sets of reals, so that `x > 1`, `1 < x` and `(1, +∞)` are one answer.

Endpoints stay expressions. Only linear conditions in one symbol are solved; everything else is not a set here.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from mmk12.verifier.nodes import (
    AnswerList,
    Bracketed,
    Call,
    Const,
    Difference,
    Expr,
    Relation,
    Sym,
    Union,
    Value,
    frozen,
    make_negative,
    make_quotient,
    make_sum,
)
from mmk12.verifier.numeric import find_symbols, is_infinity
from mmk12.verifier.profiles import Profile
from mmk12.verifier.quantities import as_decimal, as_linear_form, equal_quantities

INFINITY = Const("inf")
MAX_SETS, MAX_PIECES = 10, 40
FLIPPED = {"<": ">", ">": "<", "≤": "≥", "≥": "≤", "=": "=", "≠": "≠"}


@frozen
class Piece:
    """An interval; infinite ends are open."""

    low: Expr
    low_closed: bool
    high: Expr
    high_closed: bool


LINE = frozenset(("R", "ℝ"))
SETS = LINE | {"∅"}


@frozen
class RealSet:
    """A union of intervals, and the variable that ranges over it if the text named one."""

    pieces: tuple[Piece, ...]
    variable: str | None


_LINE = RealSet((Piece(make_negative(INFINITY), False, INFINITY, False),), None)


def as_expr(value: Value | None) -> Expr | None:
    """`value` if it is an expression."""
    return value if isinstance(value, Expr) else None


def find_variable(expr: Expr) -> str | None:
    """The name of a variable or of a quantity such as the segment `AB`; None for anything else."""
    if isinstance(expr, Sym):
        return expr.name
    if isinstance(expr, Call) and expr.op == "*" and all(isinstance(a, Sym) and a.name[0].isupper() for a in expr.args):
        return "".join(sorted(a.name for a in expr.args if isinstance(a, Sym)))
    return None


def _below(bound: Expr, closed: bool) -> Piece:
    return Piece(make_negative(INFINITY), False, bound, closed and not is_infinity(bound))


def _above(bound: Expr, closed: bool) -> Piece:
    return Piece(bound, closed and not is_infinity(bound), INFINITY, False)


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
    for name, bound, sign in ((find_variable(left), right, op), (find_variable(right), left, FLIPPED[op])):
        if name is not None and not find_symbols(bound) & {name, *(find_symbols(left) & find_symbols(right))}:
            return RealSet(_halves(sign, bound), name)
    names = find_symbols(left, right)
    if len(names) != 1:
        return None
    (name,) = names
    line = as_linear_form(make_sum([left, make_negative(right)]), name)
    slope = as_decimal(line[0]) if line else None
    if line is None or not slope:
        return None
    return RealSet(_halves(op if slope > 0 else FLIPPED[op], make_quotient(make_negative(line[1]), line[0])), name)


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
    name = find_variable(middle)
    if name is None:
        names = find_symbols(middle)
        line = as_linear_form(middle, next(iter(names))) if len(names) == 1 else None
        slope = as_decimal(line[0]) if line else None
        if line is None or not slope:
            return None
        (name,) = names
        low, high = (make_quotient(make_sum([end, make_negative(line[1])]), line[0]) for end in (low, high))
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
            return RealSet(inner.pieces, find_variable(owner) if owner is not None else None)
        return _chain(value)
    if isinstance(value, Bracketed):
        ends = [as_expr(item) for item in value.items]
        if len(ends) == 2 and value.opening in "([" and value.closing in ")]" and None not in ends:
            low, high = ends
            assert low is not None and high is not None
            closed = (value.opening == "[", value.closing == "]")
            return RealSet((Piece(low, closed[0], high, closed[1]),), None)
        return None
    if isinstance(value, Union):
        return _united([_part(part) for part in value.parts])
    if isinstance(value, Difference):
        whole, less = as_set(value.whole), _part(value.less)
        return _common([whole, _rest(less)]) if less is not None else None
    if isinstance(value, AnswerList) and value.separator == "or":
        known = [as_set(item) for item in value.items]
        if all(found is None for found in known):
            return None
        return _united([found or _part(item) for found, item in zip(known, value.items, strict=True)])
    if (
        isinstance(value, AnswerList)
        and value.separator == ","
        and all(isinstance(item, Relation) for item in value.items)
    ):
        return _listed([as_set(item) for item in value.items])
    return _LINE if isinstance(value, Sym) and value.name in LINE else None


def _part(value: Value) -> RealSet | None:
    """A part of a union, where `x = 3` and a set of numbers are one of points."""
    if isinstance(value, Relation) and value.ops == ("=",) and isinstance(value.members[0], Sym):
        point = as_expr(value.members[1])
        return RealSet((Piece(point, True, point, True),), value.members[0].name) if point is not None else None
    if not isinstance(value, Bracketed) or value.opening != "{":
        return as_set(value)
    points = [as_expr(item) for item in value.items]
    return RealSet(tuple(Piece(point, True, point, True) for point in points if point is not None), None)


def _variable(sets: Sequence[RealSet | None]) -> tuple[list[RealSet], str | None] | None:
    """The sets and the variable of all of them; None where one is no set, or they have different ones."""
    known = [found for found in sets if found is not None]
    names = {found.variable for found in known}
    return (known, names.pop()) if len(known) == len(sets) and len(names) == 1 else None


def _united(sets: Sequence[RealSet | None]) -> RealSet | None:
    known = _variable(sets)
    return _merged([piece for found in known[0] for piece in found.pieces], known[1]) if known else None


def _listed(sets: Sequence[RealSet | None]) -> RealSet | None:
    """Conditions in a row: all of them, or any of them where no number meets all. None where either may be meant."""
    both, any_ = _common(sets), _united(sets)
    if both is None or any_ is None:
        return None
    if not both.pieces:
        return any_
    return both if any_.pieces == _LINE.pieces else None


def _common(sets: Sequence[RealSet | None]) -> RealSet | None:
    """The numbers in all of the sets; None where an end is not a constant."""
    known = _variable(sets)
    if known is None or len(sets) > MAX_SETS:
        return None
    pieces = list(known[0][0].pieces)
    for other in known[0][1:]:
        met = [_met(a, b) for a in pieces for b in other.pieces]
        if len(met) > MAX_PIECES or any(piece is None for piece in met):
            return None
        pieces = [piece for piece in met if piece is not None and _is_inhabited(piece)]
    return _merged(pieces, known[1]) if pieces else RealSet((), known[1])


def _met(a: Piece, b: Piece) -> Piece | None:
    lows, highs = (_position(a.low), _position(b.low)), (_position(a.high), _position(b.high))
    if lows[0] is None or lows[1] is None or highs[0] is None or highs[1] is None:
        return None
    low = max((lows[0], not a.low_closed, 0), (lows[1], not b.low_closed, 1))[2]
    high = min((highs[0], a.high_closed, 0), (highs[1], b.high_closed, 1))[2]
    under, over = (a, b)[low], (a, b)[high]
    return Piece(under.low, under.low_closed, over.high, over.high_closed)


def _is_inhabited(piece: Piece) -> bool:
    low, high = _position(piece.low), _position(piece.high)
    assert low is not None and high is not None
    return low < high or (low == high and piece.low_closed and piece.high_closed)


def _rest(less: RealSet) -> RealSet | None:
    """The numbers that are not among those points or in those intervals."""
    outside = [
        _merged([_below(piece.low, not piece.low_closed), _above(piece.high, not piece.high_closed)], less.variable)
        for piece in less.pieces
    ]
    return _common(outside)


def _position(end: Expr) -> Decimal | None:
    sign = is_infinity(end)
    return Decimal("Infinity") * sign if sign else as_decimal(end)


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
    return isinstance(value, Bracketed) and value.opening == "(" and value.closing == ")"


def equal_sets(gold: RealSet, answer: RealSet, profile: Profile, tolerance: Decimal | None = None) -> bool:
    """Same ends, same closedness, and not different variables."""
    if gold.variable and answer.variable and gold.variable != answer.variable:
        return False
    if len(gold.pieces) != len(answer.pieces):
        return False
    return all(
        a.low_closed == b.low_closed
        and a.high_closed == b.high_closed
        and equal_quantities(a.low, b.low, profile, tolerance) is not None
        and equal_quantities(a.high, b.high, profile, tolerance) is not None
        for a, b in zip(gold.pieces, answer.pieces, strict=True)
    )
