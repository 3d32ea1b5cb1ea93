"""When two expressions count as the same answer: equality, and the stated policies about marks and units."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal, localcontext
from fractions import Fraction

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
from mmk12.verifier.numeric import (
    DecimalBackend,
    NoValue,
    are_equal,
    decimal_context,
    evaluate,
    find_symbols,
    iter_leaves,
)
from mmk12.verifier.profiles import Profile
from mmk12.verifier.units import UNITS

# A measured quantity taken apart: how much, and of what dimension, so that a rounded one can be compared.


MAX_POWER = 9

Measure = tuple[Fraction, Counter[str]]
"""The size of the unit in base units, and the power of each base dimension"""


def split_measure(expr: Expr) -> Measure | None:
    """The unit of `expr`; None where units stand in a sum, in a function or under a strange power."""
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


# Expressions as functions of one symbol: another in its place, and the line they are, if any.


def substitute(expr: Expr, name: str, value: Expr) -> Expr:
    """`expr` with a symbol replaced."""
    if isinstance(expr, Sym):
        return value if expr.name == name else expr
    if isinstance(expr, Call):
        return rebuild(expr.op, [substitute(arg, name, value) for arg in expr.args])
    return expr


def as_linear_form(expr: Expr, name: str) -> tuple[Expr, Expr] | None:
    """(slope, offset) if `expr` is linear in that symbol."""
    offset = substitute(expr, name, ZERO)
    slope = make_sum([substitute(expr, name, ONE), make_negative(offset)])
    rebuilt_line = make_sum([Call("*", (slope, Sym(name))), offset])
    return (slope, offset) if are_equal(rebuilt_line, expr) else None


_ARITHMETIC = frozenset("+*/^") | {"neg"}
"""A mark inside a function is part of what is asked: `\\sin 60°` is not `\\sin 60`."""


_LONGEST = 10**60
"""The denominator of the longest decimal that is one."""


def without_units(expr: Expr, *marks: str) -> Expr:
    """`expr` with those factors (`°`, `%`, `unit`) put to 1."""
    if not isinstance(expr, Call):
        spare = (isinstance(expr, Const) and expr.name in marks) or (isinstance(expr, Unit) and "unit" in marks)
        return ONE if spare else expr
    if expr.op not in _ARITHMETIC:
        return expr
    return rebuild(expr.op, [without_units(arg, *marks) for arg in expr.args])


_NONE: frozenset[str] = frozenset()


def unit_marks(expr: Expr) -> frozenset[str]:
    """Which of `°`, `%`, `unit` occur as factors."""
    if isinstance(expr, Num):
        return _NONE
    found = set()
    nodes: list[Expr] = [expr]
    for node in nodes:
        if isinstance(node, Call):
            if node.op in _ARITHMETIC:
                nodes += node.args
        elif isinstance(node, Unit):
            found.add("unit")
        elif isinstance(node, Const) and node.name in ("°", "%"):
            found.add(node.name)
    return frozenset(found)


def equal_quantities(gold: Expr, answer: Expr, profile: Profile, tolerance: Decimal | None = None) -> str | None:
    """The rule by which `answer` is `gold`, or None."""
    if are_equal(gold, answer):
        if not profile.convert_units:
            ours, theirs = collect_units(gold), collect_units(answer)
            if ours != theirs and ours and theirs:
                return None
        return "equal"
    ours, theirs = unit_marks(gold), unit_marks(answer)
    if ours != theirs:
        spare = drop_units(ours, theirs, profile)
        if spare and are_equal(without_units(gold, *spare), without_units(answer, *spare)):
            return "mark or unit left out"
    if tolerance is None and not _is_long(answer, profile.float_decimals):
        return None
    spare = ["°", "unit"] if ours == theirs else drop_units(ours, theirs, profile)
    amount = without_units(answer, *spare)
    if "unit" in ours & theirs:
        asked, given = split_measure(gold), split_measure(answer)
        if asked is None or given is None or asked[1] != given[1]:
            return None
        if not profile.convert_units and collect_units(gold) != collect_units(answer):
            return None
        amount = make_product([amount, Num(given[0] / asked[0])])
    return round_to_precision(without_units(gold, *spare), amount, profile, tolerance)


def collect_units(expr: Expr) -> frozenset[str]:
    """The names of the units that occur."""
    return frozenset(node.name for node in iter_leaves(expr) if isinstance(node, Unit))


def drop_units(gold: frozenset[str], answer: frozenset[str], profile: Profile) -> list[str]:
    """The marks that one side may lack."""
    spare = []
    if "unit" in gold - answer and profile.missing_unit:
        spare.append("unit")
    if "unit" in answer - gold and profile.extra_unit and not gold & {"°", "%"}:
        spare.append("unit")
    if "°" in gold ^ answer and profile.bare_degrees and "unit" not in answer:
        spare.append("°")
    if ("%" in gold - answer and profile.bare_percent) or ("%" in answer - gold and profile.extra_percent):
        spare.append("%")
    return spare


def as_decimal(expr: Expr, digits: int = 60) -> Decimal | None:
    """The real value of a constant, to that many digits; None if there is none."""
    if find_symbols(expr):
        return None
    try:
        with localcontext(decimal_context(digits)):
            real, imaginary = evaluate(expr, {}, DecimalBackend(digits))
    except (NoValue, ArithmeticError, ValueError):
        return None
    return real if abs(imaginary) <= abs(real).scaleb(-digits // 2) else None


def round_to_precision(gold: Expr, answer: Expr, profile: Profile, tolerance: Decimal | None) -> str | None:
    """A gap counts for nothing in two cases only: the caller allows it, or the answer is a float printed in full."""
    places = _places(answer.value) if isinstance(answer, Num) else 0
    full = profile.float_decimals is not None and places >= profile.float_decimals
    if tolerance is None and not full:
        return None
    ours, theirs = as_decimal(gold), as_decimal(answer)
    if ours is None or theirs is None:
        return None
    gap = abs(ours - theirs)
    if tolerance is not None and gap <= tolerance:
        return "within tolerance"
    # Truncated or rounded in the last place.
    return "float in full" if full and gap < Decimal(10) ** -places else None


def _is_long(expr: Expr, places: int | None) -> bool:
    """Whether there may be a number with so many decimals in it: a cheap test, as few answers have one."""
    if places is None:
        return False
    limit = 1 << places
    return any(node.value.denominator >= limit for node in iter_leaves(expr) if isinstance(node, Num))


def _places(value: Fraction) -> int:
    """Decimals of a finite decimal fraction of reasonable length; 0 for any other number."""
    rest, powers = value.denominator, [0, 0]
    if not 1 < rest < _LONGEST:
        return 0
    for index, prime in enumerate((2, 5)):
        while rest % prime == 0:
            rest //= prime
            powers[index] += 1
    return max(powers) if rest == 1 else 0
