"""Compares an answer with a gold: one method for each type of gold, which returns the rule that decided.

The type of the gold decides how they are compared: the answer is converted to it, never the reverse.
"""

from __future__ import annotations

import re
from decimal import Decimal
from math import gcd

from mmk12.verifier.nodes import (
    AmbiguousNumber,
    AnswerList,
    Bracketed,
    Difference,
    Matrix,
    Num,
    Ratio,
    Relation,
    Sym,
    Text,
    TimeOfDay,
    Union,
    Value,
    is_expr,
    make_quotient,
)
from mmk12.verifier.numeric import are_equal, find_symbols
from mmk12.verifier.profiles import Profile
from mmk12.verifier.quantities import equal_quantities, equal_rounded, substitute
from mmk12.verifier.relations import equal_relations, is_bare, is_name, read_assignment
from mmk12.verifier.sets import REALS, as_expr, as_set, equal_sets

MAX_UNORDERED = 40
"""Items of the longest collection that is compared without order."""

Items = tuple[Value, ...] | list[Value]


class Comparison:
    """Compares answers with golds under one profile. Methods return the rule by which they are equal, or None."""

    __slots__ = ("profile", "tolerance")

    def __init__(self, profile: Profile, tolerance: Decimal | None = None) -> None:
        """`tolerance` is the largest absolute error that is allowed."""
        self.profile = profile
        self.tolerance = tolerance

    def rule(self, gold: Value, answer: Value) -> str | None:
        """Returns the rule by which `answer` equals `gold`, or None."""
        if isinstance(gold, Num) and isinstance(answer, Num):
            same_number = gold.value == answer.value
            return "identical" if same_number else equal_rounded(gold, answer, self.profile, self.tolerance)
        if gold == answer:
            return "identical"
        expr = as_expr(gold)
        if expr is not None and is_expr(answer):
            return self.match_expression(expr, answer)
        if isinstance(gold, AmbiguousNumber):
            return self.rule(gold.one, answer) or self.rule(gold.several, answer)
        if isinstance(gold, AnswerList):
            return self.match_list(gold, answer)
        if isinstance(answer, AmbiguousNumber):
            return self.rule(gold, answer.one)
        if isinstance(answer, AnswerList) and not isinstance(gold, Text):
            return self.match_single(gold, answer)
        if isinstance(gold, Relation):
            return self.match_relation(gold, answer)
        if isinstance(answer, Relation) and not isinstance(gold, Text):
            value = read_assignment(answer)
            if value is not None:
                return self.rule(gold, value)
        if expr is not None:
            return self.match_expression(expr, answer)
        if isinstance(gold, Text):
            return self.match_text(gold, answer)
        if isinstance(gold, Ratio):
            return self.match_ratio(gold, answer)
        if isinstance(gold, TimeOfDay):
            return "same time" if isinstance(answer, (TimeOfDay, Ratio)) and same_time_of_day(gold, answer) else None
        if isinstance(gold, Matrix):
            return self.match_matrix(gold, answer)
        return self.match_structure(gold, answer)

    def match_expression(self, gold: Value, answer: Value) -> str | None:
        """Compares an expression with an expression, a ratio or a set of one element."""
        left, right = as_expr(gold), as_expr(answer)
        assert left is not None
        if isinstance(gold, Sym) and gold.name in REALS and (right is None or isinstance(right, Sym)):
            return self.match_sets(gold, answer)
        if right is not None:
            return equal_quantities(left, right, self.profile, self.tolerance)
        if isinstance(answer, Ratio) and len(answer.items) == 2 and self.profile.ratio_as_fraction:
            return "ratio as fraction" if are_equal(left, make_quotient(*answer.items)) else None
        if isinstance(answer, Bracketed) and answer.opening == "{" and len(answer.items) == 1:
            return self.rule(gold, answer.items[0])
        return None

    def match_text(self, gold: Text, answer: Value) -> str | None:
        """Compares words."""
        return "same words" if isinstance(answer, Text) and answer.words == gold.words else None

    def match_ratio(self, gold: Ratio, answer: Value) -> str | None:
        """Compares ratios, and times of day that are written like them."""
        if isinstance(answer, TimeOfDay):
            return "same time" if same_time_of_day(gold, answer) else None
        if isinstance(answer, Ratio):
            if len(gold.items) != len(answer.items):
                return None
            if is_time_of_day(gold):
                return "same time" if same_time_of_day(gold, answer) else None
            pairs = zip(gold.items[1:], answer.items[1:], strict=True)
            if all(are_equal(make_quotient(a, gold.items[0]), make_quotient(b, answer.items[0])) for a, b in pairs):
                return "same ratio"
            return None
        expr = as_expr(answer)
        if expr is None or len(gold.items) != 2 or not self.profile.ratio_as_fraction or is_time_of_day(gold):
            return None
        # An integer such as `1` for `1:1` is an incomplete answer.
        incomplete = isinstance(expr, Num) and expr.value.denominator == 1
        return "ratio as fraction" if not incomplete and are_equal(make_quotient(*gold.items), expr) else None

    def match_matrix(self, gold: Matrix, answer: Value) -> str | None:
        """Compares a matrix with a matrix or a nested list; one row or column also with its entries."""
        if isinstance(answer, Bracketed) and all(isinstance(item, Bracketed) for item in answer.items):
            answer = Matrix(tuple(_entries(item) for item in answer.items))
        if isinstance(answer, Matrix):
            if [len(row) for row in gold.rows] != [len(row) for row in answer.rows]:
                return None
            pairs = zip(sum(gold.rows, ()), sum(answer.rows, ()), strict=True)
            return "entry by entry" if all(self.rule(a, b) for a, b in pairs) else None
        if 1 in (len(gold.rows), max(map(len, gold.rows))):
            return self.match_ordered(sum(gold.rows, ()), _entries(answer), "entry by entry")
        return None

    def match_structure(self, gold: Value, answer: Value) -> str | None:
        """Compares points, intervals, sets and unions."""
        single = isinstance(gold, Bracketed) and gold.opening == "{" and len(gold.items) == 1
        if isinstance(gold, Bracketed) and isinstance(answer, Bracketed) and not (single and answer.opening != "{"):
            if gold.opening == answer.opening == "{":
                return self.match_unordered(gold.items, answer.items, "same set")
            if gold.opening == answer.opening and gold.closing == answer.closing:
                return self.match_ordered(gold.items, answer.items, "entry by entry")
            return None
        if isinstance(gold, Bracketed) and single and self.profile.drop_brackets:
            return self.rule(gold.items[0], answer)
        if isinstance(gold, Bracketed) and isinstance(answer, Matrix):
            return self.match_matrix(answer, gold)
        return self.match_sets(gold, answer)

    def match_sets(self, gold: Value, answer: Value) -> str | None:
        """Compares values as sets of reals."""
        gold_set = as_set(gold)
        answer_set = as_set(answer) if gold_set is not None else None
        if gold_set is None or answer_set is None:
            return None
        return "same set of reals" if equal_sets(gold_set, answer_set, self.profile, self.tolerance) else None

    def match_relation(self, gold: Relation, answer: Value) -> str | None:
        """Compares relations, or the value that the gold assigns with an answer that is only the value."""
        answer = _rename_argument(gold, answer)
        if is_bare(gold):
            return "same sign" if isinstance(answer, Relation) and answer == gold else None
        if isinstance(answer, Relation):
            rule = equal_relations(gold, answer, self.rule)
            if rule:
                return rule
        if as_set(gold) is not None:
            return self.match_sets(gold, answer)
        if isinstance(answer, Relation) and gold.members[0] is not None:
            return None
        value = read_assignment(gold)
        # The right side alone answers `y = 2x`, but not the line `x + y = 2` or the identity `2(a + b) = 2a + 2b`.
        if value is None or not (is_name(gold.members[0]) or "≈" in gold.ops or not _has_symbols(value)):
            return None
        return None if _is_curve(gold.members[0]) else self.rule(value, answer)

    def match_single(self, gold: Value, answer: AnswerList) -> str | None:
        """Compares several answers with a gold that is one: each must be right, or together they are its entries."""
        if isinstance(gold, (Relation, Bracketed, Union, Difference, Sym)):
            rule = self.match_sets(gold, answer)
            if rule:
                return rule
        if isinstance(gold, Bracketed) and gold.opening == "{" and len(gold.items) > 1 and self.profile.drop_brackets:
            return self.match_unordered(gold.items, _values(answer.items), "brackets left out")
        if isinstance(gold, Bracketed) and self.profile.drop_brackets and answer.separator != "or":
            if gold.opening == "{" and len(gold.items) == 1:
                return self.rule(gold.items[0], answer)
            if gold.opening + gold.closing == "()" or len(gold.items) > 2:
                return self.match_ordered(gold.items, _values(answer.items), "brackets left out")
        if isinstance(gold, Matrix):
            return self.match_matrix(gold, answer)
        inner = read_assignment(gold) if isinstance(gold, Relation) else None
        if isinstance(inner, Bracketed):
            return self.rule(inner, answer)
        if len(answer.items) <= MAX_UNORDERED and answer.separator != "space":
            rules = [self.rule(gold, item) for item in answer.items]
            return rules[0] if all(rules) else None
        return None

    def match_list(self, gold: AnswerList, answer: Value) -> str | None:
        """Compares several answers: blanks in their order, collections in any order."""
        if isinstance(answer, AmbiguousNumber):
            answer = answer.several
        rule = self.match_sets(gold, answer)
        if rule:
            return rule
        if (
            _are_conditions(gold.items)
            and isinstance(answer, AnswerList)
            and {gold.separator, answer.separator} == _BOTH
        ):
            return None  # one suffices on one side, all hold on the other
        if isinstance(answer, Relation) and len(answer.members) == 2 and answer.members[1] is not None:
            # (x, y) = (1, 2), or x ∈ {1, 2}
            answer = answer.members[1]
        gold_values = _values(gold.items)
        items = _entries(answer)
        answer_values = _values(items)
        if len(items) != len(gold_values) and not any(isinstance(item, Bracketed) for item in gold_values):
            # p = 5, q = 2; p = 7, q = 2 against (5, 2), (7, 2)
            answer_values = [part for item in answer_values for part in _entries(item)]
        if _are_roots(gold.items):
            return self.match_unordered(gold_values, answer_values, "same roots")
        if _are_named_values(gold.items) and _are_named_values(items):
            return self.match_unordered(gold.items, items, "name by name")
        if _are_named_values(gold.items) or (gold.separator in ("blanks", "space") and self.profile.ordered_blanks):
            rule = self.match_ordered(gold_values, answer_values, "blank by blank")
            return rule or self.match_ordered(gold.items, items, "blank by blank")
        if isinstance(answer, Bracketed) and answer.opening != "{" and not self.profile.drop_brackets:
            return None
        return self.match_unordered(gold_values, answer_values, "same collection")

    def match_ordered(self, gold: Items, answer: Items, name: str) -> str | None:
        """Matches items one by one; `name` is the rule if all are equal."""
        if len(gold) != len(answer) or len(gold) < 1:
            return None
        return name if all(self.rule(a, b) for a, b in zip(gold, answer, strict=True)) else None

    def match_unordered(self, gold: Items, answer: Items, name: str) -> str | None:
        """Matches items one to one; a repeated answer counts once, unless the gold repeats it too."""
        if max(len(gold), len(answer)) > MAX_UNORDERED or len(gold) > len(answer):
            return None
        rest = list(answer)
        for item in gold:
            # Equality is transitive, so the first match is as good as any other.
            match = next((other for other in rest if self.rule(item, other)), None)
            if match is None:
                return None
            rest.remove(match)
        return name if all(any(self.rule(item, other) for item in gold) for other in rest) else None


def _entries(value: Value) -> tuple[Value, ...]:
    """Returns the answers in a value that may hold several."""
    if isinstance(value, (AnswerList, Bracketed)):
        return value.items
    if isinstance(value, AmbiguousNumber):
        return value.several.items
    if isinstance(value, Matrix):
        return sum(value.rows, ())
    return (value,)


def _values(items: Items) -> list[Value]:
    """Returns the items; of an equation such as `x = 2`, the value."""
    values: list[Value] = []
    for item in items:
        value = read_assignment(item) if isinstance(item, Relation) else None
        values.append(value if value is not None and not _has_symbols(value) else item)
    return values


def _has_symbols(value: Value) -> bool:
    """Whether `value` is an expression with symbols."""
    expr = as_expr(value)
    return expr is not None and bool(find_symbols(expr))


def _is_curve(left: Value | None) -> bool:
    """Whether both coordinates occur in `left`, as in `x + y = 1`."""
    expr = as_expr(left) if left is not None else None
    return expr is not None and find_symbols(expr) >= {"x", "y"}


def _are_roots(items: Items) -> bool:
    """Whether these are `x_1 = …`, `x_2 = …`: solutions of one equation, whose numbering means nothing."""
    return all(
        isinstance(item, Relation)
        and isinstance(item.members[0], Sym)
        and item.members[0].name[:2] == "x_"
        and item.members[0].name[2:].isdigit()
        for item in items
    )


_FUNCTION = re.compile(r"([A-Za-z]{1,3})(?:\(([a-z])\)|_([a-z]))")
"""A function or a sequence by its name and the name of its argument: `f(x)`, `a_n`."""


def _rename_argument(gold: Relation, answer: Value) -> Value:
    """Returns `f(t) = t^2` as `f(x) = x^2` for a gold of `f(x)`: the name of an argument is free."""
    ours, theirs = gold.members[0], answer.members[0] if isinstance(answer, Relation) else None
    if not (isinstance(ours, Sym) and isinstance(theirs, Sym) and isinstance(answer, Relation)):
        return answer
    a, b = _FUNCTION.fullmatch(ours.name), _FUNCTION.fullmatch(theirs.name)
    if a is None or b is None or a[1] != b[1] or ours == theirs or (a[2] is None) != (b[2] is None):
        return answer
    old, new = b[2] or b[3], a[2] or a[3]
    right = as_expr(answer.members[1]) if len(answer.members) == 2 else None
    if right is None or new in find_symbols(right):
        return answer
    return Relation((ours, substitute(right, old, Sym(new))), answer.ops)


_BOTH = frozenset((",", "or"))


def _are_conditions(items: Items) -> bool:
    """Whether these are inequalities, which `or` joins otherwise than a comma."""
    return all(isinstance(item, Relation) and not {"=", "≈"}.intersection(item.ops) for item in items)


def _are_named_values(items: Items) -> bool:
    """Whether each item is an equation for a different name."""
    names = [str(item.members[0]) for item in items if isinstance(item, Relation) and item.ops == ("=",)]
    return len(names) == len(items) == len(set(names)) > 1


def is_time_of_day(ratio: Ratio) -> bool:
    """Whether `ratio` is a time: ratios are written in lowest terms and without leading zeros, unlike `8:40`."""
    parts = ratio.literal.split(":")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts) or len(parts[1]) != 2:
        return False
    hours, minutes = map(int, parts)
    return hours < 25 and minutes < 60 and (parts[1][0] == "0" or gcd(hours, minutes) > 1)


def same_time_of_day(gold: TimeOfDay | Ratio, answer: TimeOfDay | Ratio) -> bool:
    """Whether both may be the same minute of the day; `3:45` is a.m. or p.m., unless the other one says which."""
    if isinstance(gold, Ratio) and isinstance(answer, Ratio):
        return gold.literal.lstrip("0") == answer.literal.lstrip("0")
    return bool(_minutes_of_day(gold) & _minutes_of_day(answer))


def _minutes_of_day(time: TimeOfDay | Ratio) -> set[int]:
    """Returns the minutes since midnight that `time` may mean."""
    hours, minutes = (int(part) if part.isascii() and part.isdigit() else 99 for part in time.literal.split(":")[:2])
    if hours > 24 or minutes > 59:
        return set()
    halves = time.half if isinstance(time, TimeOfDay) else "ap" if 0 < hours < 13 else ""
    return {(hours % 12 + 12 * (half == "p")) * 60 + minutes for half in halves} or {hours * 60 + minutes}
