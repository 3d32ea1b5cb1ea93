"""Converts inequalities, intervals and their unions to sets of reals, so that `x > 1` and `(1, +∞)` are one answer.

A set is a list of intervals whose ends are expressions. Only linear conditions in one symbol are solved; everything
else is not a set here.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from mmk12.verifier.nodes import (
    BOUND,
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
REALS = frozenset(("R", "ℝ"))
"""Names of the set of all real numbers."""
SETS = REALS | {"∅"}
"""Names of sets."""
FLIPPED = {"<": ">", ">": "<", "≤": "≥", "≥": "≤", "=": "=", "≠": "≠"}
"""Each relation as it is read from right to left."""
MAX_SETS = 10
"""Sets in one intersection."""
MAX_INTERSECTED, MAX_MERGED = 40, 20
"""Intervals that are intersected or merged."""


@frozen
class Interval:
    """An interval; infinite ends are open."""

    low: Expr
    low_closed: bool
    high: Expr
    high_closed: bool


@frozen
class RealSet:
    """A union of intervals, and the variable that is in it if the text names one."""

    intervals: tuple[Interval, ...]
    variable: str | None


_ALL_REALS = RealSet((Interval(make_negative(INFINITY), False, INFINITY, False),), None)


def as_expr(value: Value | None) -> Expr | None:
    """Returns `value` if it is an expression, else None."""
    return value if isinstance(value, Expr) else None


def as_set(value: Value) -> RealSet | None:
    """Returns the set of reals that `value` describes, None if it describes none."""
    if isinstance(value, Relation):
        if value.ops == ("∈",) and value.members[1] is not None:
            inner = as_set(value.members[1])
            owner = as_expr(value.members[0])
            if inner is None or inner.variable is not None:
                return inner
            return RealSet(inner.intervals, find_variable(owner) if owner is not None else None)
        return _convert_relation(value)
    if isinstance(value, Bracketed):
        ends = [as_expr(item) for item in value.items]
        if len(ends) == 2 and value.opening in "([" and value.closing in ")]" and None not in ends:
            low, high = ends
            assert low is not None and high is not None
            closed = (value.opening == "[", value.closing == "]")
            return RealSet((Interval(low, closed[0], high, closed[1]),), None)
        return None
    if isinstance(value, Union):
        return _unite([_convert_part(part) for part in value.parts])
    if isinstance(value, Difference):
        whole, less = as_set(value.whole), _convert_part(value.less)
        return _intersect([whole, _complement(less)]) if less is not None else None
    if isinstance(value, AnswerList) and value.separator == "or":
        known = [as_set(item) for item in value.items]
        if all(real_set is None for real_set in known):
            return None
        return _unite([real_set or _convert_part(item) for real_set, item in zip(known, value.items, strict=True)])
    if isinstance(value, AnswerList) and value.separator == ",":
        conditions = all(isinstance(item, Relation) for item in value.items)
        return _combine_list([as_set(item) for item in value.items]) if conditions else None
    return _ALL_REALS if isinstance(value, Sym) and value.name in REALS else None


def _convert_part(value: Value) -> RealSet | None:
    """Converts a part of a union, where `x = 3` and a set of numbers are points."""
    if isinstance(value, Relation) and value.ops == ("=",) and isinstance(value.members[0], Sym):
        point = as_expr(value.members[1])
        return RealSet((Interval(point, True, point, True),), value.members[0].name) if point is not None else None
    if not isinstance(value, Bracketed) or value.opening != "{":
        return as_set(value)
    points = [as_expr(item) for item in value.items]
    return RealSet(tuple(Interval(point, True, point, True) for point in points if point is not None), None)


def equal_sets(gold: RealSet, answer: RealSet, profile: Profile, tolerance: Decimal | None = None) -> bool:
    """Whether two sets have the same ends, open or closed alike, and no different variables."""
    if len({gold.variable, answer.variable} - {None, BOUND}) > 1:
        return False
    if len(gold.intervals) != len(answer.intervals):
        return False
    return all(
        a.low_closed == b.low_closed
        and a.high_closed == b.high_closed
        and equal_quantities(a.low, b.low, profile, tolerance) is not None
        and equal_quantities(a.high, b.high, profile, tolerance) is not None
        for a, b in zip(gold.intervals, answer.intervals, strict=True)
    )


# Conditions


def find_variable(expr: Expr) -> str | None:
    """Returns the name of a variable or of a quantity such as the segment `AB`; None for anything else."""
    if isinstance(expr, Sym):
        return expr.name
    if isinstance(expr, Call) and expr.op == "*" and all(isinstance(a, Sym) and a.name[0].isupper() for a in expr.args):
        return "".join(sorted(a.name for a in expr.args if isinstance(a, Sym)))
    return None


def _below(bound: Expr, closed: bool) -> Interval:
    return Interval(make_negative(INFINITY), False, bound, closed and not is_infinity(bound))


def _above(bound: Expr, closed: bool) -> Interval:
    return Interval(bound, closed and not is_infinity(bound), INFINITY, False)


def _half_lines(op: str, bound: Expr) -> tuple[Interval, ...]:
    if op in "<≤":
        return (_below(bound, op == "≤"),)
    if op in ">≥":
        return (_above(bound, op == "≥"),)
    return (_below(bound, False), _above(bound, False))


def _convert_condition(left: Expr | None, op: str, right: Expr) -> RealSet | None:
    """Converts `variable op bound`, with the sides in either order, or a linear condition in one symbol."""
    if left is None:
        return RealSet(_half_lines(op, right), None)
    for name, bound, sign in ((find_variable(left), right, op), (find_variable(right), left, FLIPPED[op])):
        if name is not None and not find_symbols(bound) & {name, *(find_symbols(left) & find_symbols(right))}:
            return RealSet(_half_lines(sign, bound), name)
    names = find_symbols(left, right)
    if len(names) != 1:
        return None
    (name,) = names
    line = as_linear_form(make_sum([left, make_negative(right)]), name)
    slope = as_decimal(line[0]) if line else None
    if line is None or not slope:
        return None
    return RealSet(_half_lines(op if slope > 0 else FLIPPED[op], make_quotient(make_negative(line[1]), line[0])), name)


def _convert_relation(relation: Relation) -> RealSet | None:
    """Converts `a < x ≤ b` or a single condition."""
    members = [as_expr(member) for member in relation.members]
    if any(op not in FLIPPED or op == "=" for op in relation.ops):
        return None
    if len(members) == 2 and members[1] is not None:
        return _convert_condition(members[0], relation.ops[0], members[1])
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
    return RealSet((Interval(low, first == "≤", high, second == "≤"),), name)


# Operations on sets


def _common_variable(sets: Sequence[RealSet | None]) -> tuple[list[RealSet], str | None] | None:
    """Returns the sets and their variable; None if one of them is no set, or the variables differ."""
    known = [real_set for real_set in sets if real_set is not None]
    names = {real_set.variable for real_set in known}
    return (known, names.pop()) if len(known) == len(sets) and len(names) == 1 else None


def _unite(sets: Sequence[RealSet | None]) -> RealSet | None:
    known = _common_variable(sets)
    if known is None:
        return None
    return _merge([interval for real_set in known[0] for interval in real_set.intervals], known[1])


def _combine_list(sets: Sequence[RealSet | None]) -> RealSet | None:
    """Combines listed conditions: all of them, or any of them if no number meets all. None if both are possible."""
    all_hold, one_holds = _intersect(sets), _unite(sets)
    if all_hold is None or one_holds is None:
        return None
    if not all_hold.intervals:
        return one_holds
    return all_hold if one_holds.intervals == _ALL_REALS.intervals else None


def _intersect(sets: Sequence[RealSet | None]) -> RealSet | None:
    """Returns the numbers in all of the sets; None if an end is not a constant."""
    known = _common_variable(sets)
    if known is None or len(sets) > MAX_SETS:
        return None
    intervals = list(known[0][0].intervals)
    for other in known[0][1:]:
        overlaps = [_overlap(a, b) for a in intervals for b in other.intervals]
        if len(overlaps) > MAX_INTERSECTED or any(overlap is None for overlap in overlaps):
            return None
        intervals = [overlap for overlap in overlaps if overlap is not None and not _is_empty(overlap)]
    return _merge(intervals, known[1]) if intervals else RealSet((), known[1])


def _overlap(a: Interval, b: Interval) -> Interval | None:
    """Returns the numbers in both intervals, perhaps none; None if an end is not a constant."""
    lows, highs = (_position(a.low), _position(b.low)), (_position(a.high), _position(b.high))
    if lows[0] is None or lows[1] is None or highs[0] is None or highs[1] is None:
        return None
    low = max((lows[0], not a.low_closed, 0), (lows[1], not b.low_closed, 1))[2]
    high = min((highs[0], a.high_closed, 0), (highs[1], b.high_closed, 1))[2]
    under, over = (a, b)[low], (a, b)[high]
    return Interval(under.low, under.low_closed, over.high, over.high_closed)


def _is_empty(interval: Interval) -> bool:
    low, high = _position(interval.low), _position(interval.high)
    assert low is not None and high is not None
    return low > high or (low == high and not (interval.low_closed and interval.high_closed))


def _complement(less: RealSet) -> RealSet | None:
    """Returns the numbers that are not in `less`."""
    outside = [
        _merge([_below(part.low, not part.low_closed), _above(part.high, not part.high_closed)], less.variable)
        for part in less.intervals
    ]
    return _intersect(outside)


def _position(end: Expr) -> Decimal | None:
    """Returns the place of an end on the number line; None if it is not a constant."""
    sign = is_infinity(end)
    return Decimal("Infinity") * sign if sign else as_decimal(end)


def _merge(intervals: list[Interval], name: str | None) -> RealSet | None:
    """Sorts intervals and joins those that overlap or touch; None if an end is not a constant."""
    placed = [(_position(interval.low), _position(interval.high), interval) for interval in intervals]
    if len(intervals) > MAX_MERGED or any(low is None or high is None for low, high, _ in placed):
        return None
    placed.sort(key=lambda entry: (entry[0], not entry[2].low_closed))
    result = [placed[0][2]]
    reach = placed[0][1]
    for low, high, interval in placed[1:]:
        last = result[-1]
        assert low is not None and high is not None and reach is not None
        if low < reach or (low == reach and (interval.low_closed or last.high_closed)):
            if high > reach or (high == reach and interval.high_closed):
                result[-1] = Interval(last.low, last.low_closed, interval.high, interval.high_closed)
                reach = high
        else:
            result.append(interval)
            reach = high
    return RealSet(tuple(result), name)
