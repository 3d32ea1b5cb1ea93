"""Compares quantities: equality of expressions, and the policies of a profile about marks, units and rounding.

Marks are the degree sign and the percent sign.
"""

from __future__ import annotations

from collections import Counter
from decimal import Decimal, localcontext
from fractions import Fraction

from mmk12.verifier.backends import DecimalBackend, NoValue, decimal_context
from mmk12.verifier.nodes import (
    ONE,
    ZERO,
    Call,
    Const,
    Expr,
    Num,
    Sym,
    Unit,
    make_negative,
    make_product,
    make_sum,
    rebuild,
)
from mmk12.verifier.numeric import are_equal, evaluate, find_symbols, iter_nodes
from mmk12.verifier.profiles import Profile
from mmk12.verifier.units import UNITS

# The policies


def equal_quantities(gold: Expr, answer: Expr, profile: Profile, tolerance: Decimal | None = None) -> str | None:
    """Returns the rule by which `answer` equals `gold`, or None.

    `tolerance` is the largest absolute error that is allowed.
    """
    if are_equal(gold, answer):
        if not profile.convert_units:
            gold_units, answer_units = collect_units(gold), collect_units(answer)
            if gold_units != answer_units and gold_units and answer_units:
                return None
        return "equal"
    gold_marks, answer_marks = unit_marks(gold), unit_marks(answer)
    if gold_marks != answer_marks:
        optional = optional_marks(gold_marks, answer_marks, profile)
        if optional and are_equal(without_units(gold, *optional), without_units(answer, *optional)):
            return "mark or unit left out"
    if tolerance is None and not _may_be_float(answer, profile.float_decimals):
        return None
    same_marks = gold_marks == answer_marks
    optional = ["°", "unit"] if same_marks else optional_marks(gold_marks, answer_marks, profile)
    amount = without_units(answer, *optional)
    if "unit" in gold_marks & answer_marks:
        gold_measure, answer_measure = split_measure(gold), split_measure(answer)
        if gold_measure is None or answer_measure is None or gold_measure[1] != answer_measure[1]:
            return None
        if not profile.convert_units and collect_units(gold) != collect_units(answer):
            return None
        amount = make_product([amount, Num(answer_measure[0] / gold_measure[0])])
    return equal_rounded(without_units(gold, *optional), amount, profile, tolerance)


def optional_marks(gold: frozenset[str], answer: frozenset[str], profile: Profile) -> list[str]:
    """Returns the marks and units that one of the two sides has, and the profile lets the other leave out."""
    optional = []
    if "unit" in gold - answer and profile.missing_unit:
        optional.append("unit")
    if "unit" in answer - gold and profile.extra_unit and not gold & {"°", "%"}:
        optional.append("unit")
    if "°" in gold ^ answer and profile.bare_degrees and "unit" not in answer:
        optional.append("°")
    if ("%" in gold - answer and profile.bare_percent) or ("%" in answer - gold and profile.extra_percent):
        optional.append("%")
    return optional


def equal_rounded(gold: Expr, answer: Expr, profile: Profile, tolerance: Decimal | None) -> str | None:
    """Returns the rule by which a number is close enough, or None.

    There are two: the difference is within the tolerance, or the answer is a float printed in full.
    """
    places = _count_decimals(answer.value) if isinstance(answer, Num) else 0
    full = profile.float_decimals is not None and places >= profile.float_decimals
    if tolerance is None and not full:
        return None
    expected, actual = as_decimal(gold), as_decimal(answer)
    if expected is None or actual is None:
        return None
    gap = abs(expected - actual)
    if tolerance is not None and gap <= tolerance:
        return "within tolerance"
    # The last place may be truncated or rounded.
    return "float in full" if full and gap < Decimal(10) ** -places else None


def _may_be_float(expr: Expr, places: int | None) -> bool:
    """Whether a number in `expr` may have that many decimals. A cheap test that is negative for most answers."""
    if places is None:
        return False
    limit = 1 << places
    return any(node.value.denominator >= limit for node in iter_nodes(expr) if isinstance(node, Num))


_MAX_DENOMINATOR = 10**60
"""Denominator of the longest finite decimal."""


def _count_decimals(value: Fraction) -> int:
    """Returns the number of decimals of a finite decimal of reasonable length; 0 for any other number."""
    rest, powers = value.denominator, [0, 0]
    if not 1 < rest < _MAX_DENOMINATOR:
        return 0
    for index, prime in enumerate((2, 5)):
        while rest % prime == 0:
            rest //= prime
            powers[index] += 1
    return max(powers) if rest == 1 else 0


# Units and marks as factors


_ARITHMETIC = frozenset("+*/^") | {"neg"}
"""Operations inside which marks and units are factors. In a function they are not: `\\sin 60°` is not `\\sin 60`."""


def without_units(expr: Expr, *marks: str) -> Expr:
    """Returns `expr` with factors of these kinds (`°`, `%`, `unit`) replaced by 1."""
    if not isinstance(expr, Call):
        dropped = (isinstance(expr, Const) and expr.name in marks) or (isinstance(expr, Unit) and "unit" in marks)
        return ONE if dropped else expr
    if expr.op not in _ARITHMETIC:
        return expr
    return rebuild(expr.op, [without_units(arg, *marks) for arg in expr.args])


_NO_MARKS: frozenset[str] = frozenset()


def unit_marks(expr: Expr) -> frozenset[str]:
    """Returns which of `°`, `%`, `unit` occur as factors."""
    if isinstance(expr, Num):
        return _NO_MARKS
    marks = set()
    nodes: list[Expr] = [expr]
    for node in nodes:
        if isinstance(node, Call):
            if node.op in _ARITHMETIC:
                nodes += node.args
        elif isinstance(node, Unit):
            marks.add("unit")
        elif isinstance(node, Const) and node.name in ("°", "%"):
            marks.add(node.name)
    return frozenset(marks)


def collect_units(expr: Expr) -> frozenset[str]:
    """Returns the names of the units that occur."""
    return frozenset(node.name for node in iter_nodes(expr) if isinstance(node, Unit))


MAX_POWER = 9
"""Largest usual power of a unit."""

Measure = tuple[Fraction, Counter[str]]
"""The size of the unit in base units, and the power of each base dimension"""


def split_measure(expr: Expr) -> Measure | None:
    """Returns the unit of `expr`; None where units stand in a sum, in a function or under an unusual power."""
    if isinstance(expr, Unit):
        factor, base, degree = UNITS[expr.name] if expr.known else (Fraction(1), expr.name, 1)
        return factor, Counter({base: degree})
    if not isinstance(expr, Call):
        return Fraction(1), Counter()
    parts = [split_measure(arg) for arg in expr.args]
    size, powers = Fraction(1), Counter[str]()
    for index, part in enumerate(parts):
        if part is None or (part[1] and expr.op not in ("*", "/", "^", "neg")):
            return None
        degree = -1 if expr.op == "/" and index else 1
        if expr.op == "^" and part[1]:
            exponent = expr.args[1]
            if index or not isinstance(exponent, Num) or exponent.value.denominator > 1:
                return None
            degree = exponent.value.numerator
        if abs(degree) > MAX_POWER:
            return None
        size *= part[0] ** degree
        for base, power in part[1].items():
            powers[base] += power * degree
    return size, Counter({base: power for base, power in powers.items() if power})


# Expressions as decimals, and as functions of one symbol


def as_decimal(expr: Expr, digits: int = 60) -> Decimal | None:
    """Returns the real value of a constant, to that many digits; None if there is none."""
    if find_symbols(expr):
        return None
    try:
        with localcontext(decimal_context(digits)):
            real, imaginary = evaluate(expr, {}, DecimalBackend(digits))
    except (NoValue, ArithmeticError, ValueError):
        return None
    return real if abs(imaginary) <= abs(real).scaleb(-digits // 2) else None


def substitute(expr: Expr, name: str, value: Expr) -> Expr:
    """Returns `expr` with a symbol replaced."""
    if isinstance(expr, Sym):
        return value if expr.name == name else expr
    if isinstance(expr, Call):
        return rebuild(expr.op, [substitute(arg, name, value) for arg in expr.args])
    return expr


def as_linear_form(expr: Expr, name: str) -> tuple[Expr, Expr] | None:
    """Returns slope and offset if `expr` is linear in that symbol, else None."""
    offset = substitute(expr, name, ZERO)
    slope = make_sum([substitute(expr, name, ONE), make_negative(offset)])
    line = make_sum([Call("*", (slope, Sym(name))), offset])
    return (slope, offset) if are_equal(line, expr) else None
