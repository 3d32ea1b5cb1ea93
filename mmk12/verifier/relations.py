"""Compares equations, inequalities and other relations, and reads the value that an equation assigns to a name.

Two equations are the same if they are equal up to a constant factor (`x - 3y = 2`, `6y - 2x = -4`), or if one is solved
for a symbol in which the other is linear (`y = 2/x`, `xy = 2`). Anything weaker would make `0 = 0` an answer.
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
"""A comparison of gold and answer that returns the rule by which they are equal, or None."""

_SYMMETRIC = frozenset("=≠∥⊥≅∼≡≈")
"""Relations whose sides can be exchanged."""
_NAMING = frozenset(("sin", "cos", "tan", "cot", "abs", "ln"))
"""Functions that may stand in the name of a value."""


def is_bare(relation: Relation) -> bool:
    """Whether this is a sign alone, such as `>`: the answer to a blank between two things."""
    return all(member is None for member in relation.members)


def is_name(value: Value | None) -> bool:
    """Whether `value` can be the name in `name = …`: `x`, `AB`, `f(x)`, `\\sin A`, `m + n`, `(x, y)`, `A ∪ B`."""
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
    """Returns the value in `name = … = value`; None if there is none, or the relation contradicts itself (`6 = 7`).

    What follows `≈` is an approximation of the value, unless only the name stands before it.
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
        a, b = as_expr(left), as_expr(right)
        if a is None or b is None:
            return None
        if not are_equal(without_units(a, "°", "unit"), without_units(b, "°", "unit")) and not are_equal(a, b):
            return None
    return values[-1]


def equal_relations(gold: Relation, answer: Relation, rule: Rule) -> str | None:
    """Returns the rule by which two relations are the same, or None; `rule` compares their sides."""
    if len(gold.members) != len(answer.members):
        return None
    if _equal_members(gold, answer, rule):
        return "side by side"
    if all(op in _SYMMETRIC or op in FLIPPED for op in answer.ops):
        flipped = Relation(answer.members[::-1], tuple(FLIPPED.get(op, op) for op in answer.ops[::-1]))
        if _equal_members(gold, flipped, rule):
            return "side by side"
    if len(gold.members) != 2:
        return None
    return _equal_equations(gold, answer) if gold.ops == answer.ops == ("=",) else _equal_inequalities(gold, answer)


def _equal_members(gold: Relation, answer: Relation, rule: Rule) -> bool:
    if gold.ops != answer.ops:
        return False
    for index, (expected, actual) in enumerate(zip(gold.members, answer.members, strict=True)):
        if expected is None or actual is None:
            if expected is not actual:
                return False
        elif index == 0 and _names_same_function(expected, actual, gold):
            continue
        elif not (_equal_names(expected, actual) if is_name(expected) or is_name(actual) else rule(expected, actual)):
            return False
    return True


def _equal_names(a: Value, b: Value) -> bool:
    """Whether names are equal as expressions; no mark may be left out of them."""
    left, right = as_expr(a), as_expr(b)
    return a == b or (left is not None and right is not None and are_equal(left, right))


def _names_same_function(a: Value, b: Value, gold: Relation) -> bool:
    """Whether the sides are `y` and `f(x)`, which name the same thing if the other side is a function of x."""
    if not isinstance(a, Sym) or not isinstance(b, Sym) or gold.ops != ("=",):
        return False
    right = as_expr(gold.members[1])
    return {a.name, b.name} == {"y", "f(x)"} and right is not None and "x" in find_symbols(right)


def _difference(relation: Relation) -> Expr | None:
    """Returns left side minus right side; None if one of them is no expression."""
    left, right = (as_expr(member) for member in relation.members)
    return make_sum([left, make_negative(right)]) if left is not None and right is not None else None


def _substitute_point(expr: Expr, trial: int) -> Expr:
    """Returns `expr` at the point of a trial, as a constant expression."""
    for name, value in sample_point(find_symbols(expr), trial).items():
        expr = substitute(expr, name, Num(value))
    return expr


def _constant_ratio(a: Expr, b: Expr) -> Expr | None:
    """Returns a constant with the sign of b / a, if that is a constant other than zero; else None.

    The constant is the product of both at one point.
    """
    if find_symbols(a) != find_symbols(b):
        return None
    x, y = _substitute_point(a, 0), _substitute_point(b, 0)
    if are_equal(x, ZERO) or are_equal(y, ZERO) or not are_equal(make_product([a, y]), make_product([b, x])):
        return None
    return make_product([x, y])


def _equal_equations(gold: Relation, answer: Relation) -> str | None:
    """Returns the rule by which two equations are the same, or None."""
    a, b = _difference(gold), _difference(answer)
    if a is None or b is None:
        return None
    if _constant_ratio(a, b) is not None:
        return "same equation"
    return "same equation, solved" if _solves(gold, b) or _solves(answer, a) else None


def _solves(relation: Relation, difference: Expr) -> bool:
    """Whether `relation` is `name = value`, and `difference` is linear in the name and zero for that value."""
    for name, value in (relation.members, relation.members[::-1]):
        right = as_expr(value)
        if isinstance(name, Sym) and right is not None and find_symbols(right) and name.name not in find_symbols(right):
            line = as_linear_form(difference, name.name)
            if line and are_equal(substitute(difference, name.name, right), ZERO):
                return not _vanishes(line[0], right)
    return False


def _vanishes(slope: Expr, value: Expr) -> bool:
    """Whether the slope is zero at a small integer where the value exists: `x(y - 1) = 0` is more than `y = 1`."""
    if not find_symbols(slope):
        return are_equal(slope, ZERO)
    places = ((name, Num(Fraction(place))) for name in sorted(find_symbols(slope)) for place in (0, 1, -1, 2, -2))
    return any(
        are_equal(substitute(slope, *place), ZERO)
        and as_decimal(_substitute_point(substitute(value, *place), 0)) is not None
        for place in places
    )


def _equal_inequalities(gold: Relation, answer: Relation) -> str | None:
    """Compares inequalities: the same relation with a positive factor, or the flipped one with a negative factor."""
    if gold.ops[0] not in FLIPPED or answer.ops[0] not in FLIPPED:
        return None
    a, b = _difference(gold), _difference(answer)
    ratio = _constant_ratio(a, b) if a is not None and b is not None else None
    sign = as_decimal(ratio) if ratio is not None else None
    if sign is None:
        return None
    op = answer.ops[0] if sign > 0 else FLIPPED[answer.ops[0]]
    return "same inequality" if gold.ops[0] == op else None
