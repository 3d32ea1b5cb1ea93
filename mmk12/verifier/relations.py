"""Equations, inequalities and other relations: when two say the same, and when one only names a value.

Equations are equal up to a constant factor (`x - 3y = 2`, `6y - 2x = -4`), or where the gold is solved for a
symbol and the other is linear in it (`y = 2/x`, `xy = 2`). Anything weaker would make `0 = 0` an answer.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

from mmk12.verifier.nodes import (
    ZERO,
    Bracketed,
    Call,
    Expr,
    Num,
    Ratio,
    Relation,
    Sym,
    Value,
    make_negative,
    make_product,
    make_sum,
)
from mmk12.verifier.numeric import are_equal, find_symbols, sample_point
from mmk12.verifier.quantities import as_decimal, as_linear_form, substitute, without_units
from mmk12.verifier.sets import FLIPPED, as_expr

Rule = Callable[[Value, Value], str | None]

_SYMMETRIC = frozenset("=≠∥⊥≅∼≡≈")
_NAMING = frozenset(("sin", "cos", "tan", "cot", "abs", "ln"))


def is_bare(relation: Relation) -> bool:
    """`>` alone, as an answer to a blank between two things."""
    return all(member is None for member in relation.members)


def is_name(value: Value | None) -> bool:
    """Whether this can be the left side of `name = value`: `x`, `AB`, `f(x)`, `\\sin A`, `m + n`, `(x, y)`, `A ∪ B`."""
    if isinstance(value, Sym):
        return True
    if isinstance(value, Ratio):
        return any(find_symbols(item) for item in value.items)
    if isinstance(value, Bracketed):
        return all(isinstance(item, Sym) for item in value.items)
    if isinstance(value, Call):
        if value.op in ("*", "+", "neg", "∪", "∩"):
            return all(isinstance(arg, Sym) or (isinstance(arg, Call) and is_name(arg)) for arg in value.args)
        if value.op in _NAMING:
            return is_name(value.args[0])
    return False


def read_assignment(relation: Relation) -> Value | None:
    """The value in `name = … = value`; None if it names none, or contradicts itself (`6 = 7`).

    What follows `≈` is a comment on what precedes it, unless only the name does.
    """
    if relation.ops == ("∈",):
        return relation.members[1] if isinstance(relation.members[1], Bracketed) else None
    if any(op not in "=≈" for op in relation.ops):
        return None
    members = list(relation.members)
    named = members[0] is None or is_name(members[0])
    cut = next((i for i, op in enumerate(relation.ops) if op == "≈" and (i or not named)), len(relation.ops))
    values = [member for member in members[named : cut + 1] if member is not None]
    if not values:
        return None
    for left, right in pairwise(values):
        ours, theirs = as_expr(left), as_expr(right)
        if ours is None or theirs is None:
            return None
        if not are_equal(without_units(ours, "°", "unit"), without_units(theirs, "°", "unit")) and not are_equal(
            ours, theirs
        ):
            return None
    return values[-1]


def equal_relations(gold: Relation, answer: Relation, rule: Rule) -> str | None:
    """The rule by which two relations say the same, or None."""
    if len(gold.members) != len(answer.members):
        return None
    if _members(gold, answer, rule):
        return "side by side"
    if all(op in _SYMMETRIC or op in FLIPPED for op in answer.ops):
        turned = Relation(answer.members[::-1], tuple(FLIPPED.get(op, op) for op in answer.ops[::-1]))
        if _members(gold, turned, rule):
            return "side by side"
    if len(gold.members) != 2:
        return None
    return _equation(gold, answer) if gold.ops == answer.ops == ("=",) else _inequality(gold, answer)


def _members(gold: Relation, answer: Relation, rule: Rule) -> bool:
    if gold.ops != answer.ops:
        return False
    for index, (ours, theirs) in enumerate(zip(gold.members, answer.members, strict=True)):
        if ours is None or theirs is None:
            if ours is not theirs:
                return False
        elif index == 0 and _function_value(ours, theirs, gold):
            continue
        elif not (_strictly(ours, theirs) if is_name(ours) or is_name(theirs) else rule(ours, theirs)):
            return False
    return True


def _strictly(ours: Value, theirs: Value) -> bool:
    """Names are equal as expressions; a mark may not be left out of them."""
    left, right = as_expr(ours), as_expr(theirs)
    return ours == theirs or (left is not None and right is not None and are_equal(left, right))


def _function_value(ours: Value, theirs: Value, gold: Relation) -> bool:
    """`y` and `f(x)` name the same thing where the other side is a function of x."""
    if not isinstance(ours, Sym) or not isinstance(theirs, Sym) or gold.ops != ("=",):
        return False
    right = as_expr(gold.members[1])
    return {ours.name, theirs.name} == {"y", "f(x)"} and right is not None and "x" in find_symbols(right)


def _difference(relation: Relation) -> Expr | None:
    left, right = (as_expr(member) for member in relation.members)
    return make_sum([left, make_negative(right)]) if left is not None and right is not None else None


def _at(expr: Expr, trial: int) -> Expr:
    """`expr` at a trial point, as a constant expression."""
    for name, value in sample_point(find_symbols(expr), trial).items():
        expr = substitute(expr, name, Num(value))
    return expr


def _factor(ours: Expr, theirs: Expr) -> Expr | None:
    """theirs / ours where that is a constant other than zero, as a product of constants."""
    if find_symbols(ours) != find_symbols(theirs):
        return None
    a, b = _at(ours, 0), _at(theirs, 0)
    if are_equal(a, ZERO) or are_equal(b, ZERO) or not are_equal(make_product([ours, b]), make_product([theirs, a])):
        return None
    return make_product([a, b])


def _equation(gold: Relation, answer: Relation) -> str | None:
    ours, theirs = _difference(gold), _difference(answer)
    if ours is None or theirs is None:
        return None
    if _factor(ours, theirs) is not None:
        return "same equation"
    return "same equation, solved" if _solves(gold, theirs) or _solves(answer, ours) else None


def _solves(relation: Relation, difference: Expr) -> bool:
    """Whether `relation` is `name = value`, and that makes the difference, which is linear in the name, zero."""
    for name, value in (relation.members, relation.members[::-1]):
        right = as_expr(value)
        if isinstance(name, Sym) and right is not None and find_symbols(right) and name.name not in find_symbols(right):
            line = as_linear_form(difference, name.name)
            if line and are_equal(substitute(difference, name.name, right), ZERO):
                return not _vanishes(line[0], right)
    return False


def _vanishes(slope: Expr, value: Expr) -> bool:
    """Whether the slope is zero for some small number where the value exists: `x(y - 1) = 0` is more than `y = 1`."""
    if not find_symbols(slope):
        return are_equal(slope, ZERO)
    places = ((name, Num(Fraction(place))) for name in sorted(find_symbols(slope)) for place in (0, 1, -1, 2, -2))
    return any(
        are_equal(substitute(slope, *place), ZERO) and as_decimal(_at(substitute(value, *place), 0)) is not None
        for place in places
    )


def _inequality(gold: Relation, answer: Relation) -> str | None:
    """Differences with a positive factor and the same sign, or a negative factor and the turned sign."""
    if gold.ops[0] not in FLIPPED or answer.ops[0] not in FLIPPED:
        return None
    ours, theirs = _difference(gold), _difference(answer)
    factor = _factor(ours, theirs) if ours is not None and theirs is not None else None
    # a * b has the sign of b / a.
    size = as_decimal(factor) if factor is not None else None
    if size is None:
        return None
    turned = answer.ops[0] if size > 0 else FLIPPED[answer.ops[0]]
    return "same inequality" if gold.ops[0] == turned else None
