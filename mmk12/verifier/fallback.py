"""Sympy for what our language cannot say: integrals, sums, products, limits, derivatives, inequalities to be solved.

It is off unless a profile has `fallback`, it is asked only where the rules cannot grade, and only in a worker process
that is killed at its deadline: neither the time nor the memory of a computer-algebra system is bounded. What goes in
passes bounds of our own first: no words, no characters but those of formulas, few digits, little nesting.

sympy reads more into a text than a reader does, so everything it could misread is refused, and what it cannot decide
pays nothing. latex2sympy2_extended parses by a grammar; nothing of an answer is evaluated as Python.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from random import Random
from typing import Any

from mmk12.types import Verdict
from mmk12.verifier.answer_parser import parse
from mmk12.verifier.boxes import find_boxed
from mmk12.verifier.extract import NoExtraction, extract_answer
from mmk12.verifier.nodes import Relation, Sym
from mmk12.verifier.spec import GradingSpec
from mmk12.verifier.unicode import to_plain

RULE = "sympy"
MAX_CHARS = 400
MAX_DIGITS = 12
"""The most digits of one number."""
MAX_DEPTH = 12
"""The most brackets inside each other."""
SHOWN = 200
"""Characters of the answer that a verdict quotes."""

_POINTS = 4
_DIGITS = 30
_CLOSE = 1e-18
"""The largest relative difference of equal values, which are known to 30 digits."""

_D = r"(?:d|\\mathrm\s*\{\s*d\s*\})"
_DERIVATIVE = re.compile(rf"\\[dt]?frac\s*\{{\s*{_D}\s*\}}\s*\{{\s*{_D}\s*[a-zA-Z]\s*\}}")
"""`\\frac{d}{dx}`, which our grammar reads as a fraction of letters."""
_BEYOND = re.compile(r"\\(?:int|sum|prod|lim|det)(?![a-zA-Z])|\\end\{[a-z]*matrix\}\s*\^")
_DRESS = re.compile(r"\\(?:limits|displaystyle|!)")
_OR = re.compile(r"\\text\s*\{\s*or\s*\}")
_BARE_INDEX = re.compile(r"([_^])([a-z])(?![a-z])")
_ALLOWED = re.compile(r"[A-Za-z0-9\\{}()\[\]^_+\-*/=<>,.|&!\s]+")
_NAMED = re.compile(
    r"sin|cos|tan|cot|sec|csc|log|exp|lim|max|min|det|sinh|cosh|tanh|arcsin|arccos|arctan|[pbvB]?matrix"
)
_WORD = re.compile(r"(?<![A-Za-z\\])[A-Za-z]{3,}")
_TEXT = re.compile(r"\\(?:text|mbox|operatorname|textbf|mathrm)\s*\{\s*(?!d\s*\})")
_VAGUE = re.compile(r"\\(?:[lcv]?dots|pm|mp|nabla|partial|oint|iint|iiint|approx|sim)(?![a-zA-Z])|__")
_LONG_NUMBER = re.compile(rf"\d{{{MAX_DIGITS + 1}}}")
_ONE_SIDE = re.compile(r"\\to\s*[^{}]{1,20}\^")


def may_decide(verdict: Verdict, response: str, spec: GradingSpec, *, cut: bool = False) -> bool:
    """Whether sympy should be asked about a verdict of the rules on a response; cheap, and imports nothing."""
    if spec.choices or verdict.rule == "identical" or verdict.status == "no_answer":
        return False
    gold = _to_formula(spec.reference)
    if gold is None or not (_DERIVATIVE.search(gold) or _is_beyond_rules(verdict, gold)):
        return False
    extraction = extract_answer(response)
    return not (isinstance(extraction, NoExtraction) or extraction.doubt or (cut and extraction.open))


def decide(verdict: Verdict, response: str, spec: GradingSpec) -> Verdict:
    """Returns the verdict of sympy; `gold_unusable` where it cannot read the gold or cannot decide.

    Runs in a worker process: it can take for ever. Only what `may_decide` accepts may come here.
    """
    extraction, gold = extract_answer(response), _to_formula(spec.reference)
    assert gold is not None and not isinstance(extraction, NoExtraction)
    verdict = replace(verdict, rule=RULE, answer=extraction.text[:SHOWN])
    expected = _read(gold)
    if expected is None:
        return replace(verdict, status="gold_unusable", reason="sympy cannot read the gold")
    answer = _to_formula(extraction.text)
    given = None if answer is None else _read(answer)
    if given is None:
        return replace(verdict, status="wrong", reason=f"sympy reads no formula in the answer ({extraction.rule})")
    try:
        equal, trouble = _compare(expected, given), ""
        if equal is False and spec.largest_error is not None:
            equal = _is_near(expected, given, spec.largest_error)
    except Exception as error:  # noqa: BLE001 - where it gives up sympy raises anything, MemoryError at the limit
        equal, trouble = None, f" ({type(error).__name__})"
    if equal is None:
        return replace(verdict, status="gold_unusable", reason=f"sympy cannot decide{trouble}")
    if equal:
        return replace(verdict, status="correct", reason=f"by sympy the answer equals the gold ({extraction.rule})")
    return replace(verdict, status="wrong", reason=f"by sympy the answer differs from the gold ({extraction.rule})")


def load() -> None:
    """Imports sympy and the parser, before the deadline of the first row begins."""
    _read("\\sum_{k=1}^{2} k")


def _is_beyond_rules(verdict: Verdict, gold: str) -> bool:
    """Whether the rules could not read the gold, or could not solve it."""
    if verdict.status == "gold_unusable":
        return bool(_BEYOND.search(gold))
    return verdict.status == "wrong" and _must_be_solved(gold)


def _to_formula(text: str) -> str | None:
    """Returns the formula that `text` is, None if it is something else or beyond the bounds."""
    if len(text) > 4 * MAX_CHARS:
        return None
    shown = _BARE_INDEX.sub(r"\1{\2}", _OR.sub(" or ", _DRESS.sub("", to_plain(text))))
    shown = (find_boxed(shown) or shown).strip().strip("$").strip().removesuffix(".").strip()
    for opening, closing in (("\\(", "\\)"), ("\\[", "\\]")):
        if shown.startswith(opening) and shown.endswith(closing):
            shown = shown[2:-2].strip()
    if len(shown) > MAX_CHARS or not _ALLOWED.fullmatch(shown) or _depth(shown) > MAX_DEPTH:
        return None
    if _LONG_NUMBER.search(shown) or _VAGUE.search(shown) or _TEXT.search(shown):
        return None
    return shown if all(_NAMED.fullmatch(word) for word in _WORD.findall(shown)) else None


def _depth(text: str) -> int:
    depth = deepest = 0
    for char in text:
        depth += (char in "{([") - (char in "})]")
        deepest = max(deepest, depth)
    return deepest


def _must_be_solved(gold: str) -> bool:
    """Whether `gold` is an inequality with no unknown alone on a side."""
    value = parse(gold)
    return (
        isinstance(value, Relation)
        and bool(value.ops)
        and set(value.ops) <= set("<>≤≥")
        and not any(isinstance(member, Sym) for member in value.members)
    )


# All below imports sympy, and runs in a worker only.


def _read(formula: str) -> Any:
    """Returns what sympy reads, None for what it cannot read or reads as something that it is not."""
    import sympy

    if " or " in formula:
        parts = [_read(part) for part in formula.split(" or ")]
        return sympy.Or(*parts) if all(isinstance(part, sympy.logic.boolalg.Boolean) for part in parts) else None
    from latex2sympy2_extended import NormalizationConfig, latex2sympy
    from latex2sympy2_extended.latex2sympy2 import ConversionConfig

    try:
        value = latex2sympy(
            formula,
            is_real=True,
            normalization_config=NormalizationConfig(boxed="none", malformed_operators=True),
            conversion_config=ConversionConfig(lowercase_symbols=False, interpret_contains_as_eq=False),
        )
    except Exception:  # noqa: BLE001 - the parser raises bare exceptions
        return None
    if isinstance(value, sympy.MatrixBase):
        value = sympy.ImmutableDenseMatrix(value)
    if not isinstance(value, sympy.Basic) or _is_misread(value):
        return None
    if not _ONE_SIDE.search(formula):  # the parser takes every limit for one from the right
        value = value.replace(sympy.Limit, lambda *parts: sympy.Limit(*parts[:3], dir="+-"))
    return value


def _is_misread(value: Any) -> bool:
    """Whether a part means something else to sympy: unknown functions, indefinite integrals, x_i summed over i."""
    import sympy
    from sympy.core.function import AppliedUndef

    unknown = value.rhs if isinstance(value, sympy.Equality) else value
    if unknown.atoms(AppliedUndef):
        return True
    if any(not set(part.variables) <= part.expr.free_symbols for part in value.atoms(sympy.Derivative)):
        return True
    for part in value.atoms(sympy.Sum, sympy.Product, sympy.Integral):
        if any(len(limit) != 3 for limit in part.limits):
            return True
        names = {str(limit[0]) for limit in part.limits}
        marks = [symbol.name.partition("_")[2] for symbol in part.function.free_symbols]
        if any(name in mark for mark in marks for name in names):
            return True
    return False


def _compare(gold: Any, answer: Any) -> bool | None:
    """Returns whether both are equal, None where that cannot be decided."""
    import sympy

    if isinstance(gold, sympy.Equality):
        # `S_n = …` is right if the same name has an equal value, and so is the bare value.
        if isinstance(answer, sympy.Equality):
            return _compare(gold.rhs, answer.rhs) if answer.lhs == gold.lhs else None
        return _compare(gold.rhs, answer)
    if isinstance(gold, sympy.logic.boolalg.Boolean | sympy.Set):
        return _compare_sets(gold, answer)
    if gold.has(sympy.ImmutableDenseMatrix):
        return _compare_matrices(*(_work_out(side) for side in (gold, answer)))
    if isinstance(answer, sympy.Equality) and answer.lhs.is_Symbol and answer.lhs not in gold.free_symbols:
        answer = answer.rhs
    if isinstance(gold, sympy.Expr) and isinstance(answer, sympy.Expr):
        return _compare_expressions(gold, answer)
    return False


def _work_out(value: Any) -> Any:
    """Returns a matrix of numbers where `value` is an expression of matrices."""
    import sympy

    done = value.doit()
    return done.as_explicit() if isinstance(done, sympy.MatrixExpr) else done


def _compare_matrices(gold: Any, answer: Any) -> bool | None:
    import sympy

    if isinstance(gold, sympy.Expr) and not isinstance(
        gold, sympy.MatrixBase
    ):  # a determinant, a product of two vectors
        return _compare_expressions(gold, answer) if isinstance(answer, sympy.Expr) else False
    if not isinstance(answer, sympy.MatrixBase) or gold.shape != answer.shape:
        return False
    found = [_compare_expressions(one, other) for one, other in zip(gold, answer, strict=True)]
    return False if False in found else None if None in found else True


def _compare_sets(gold: Any, answer: Any) -> bool | None:
    """Compares the solutions of inequalities in one real unknown, or an interval with them."""
    import sympy

    if not isinstance(answer, sympy.logic.boolalg.Boolean | sympy.Set):
        return False
    if len(gold.free_symbols | answer.free_symbols) > 1:
        return None
    first, second = (side if isinstance(side, sympy.Set) else side.as_set() for side in (gold, answer))
    difference = first.symmetric_difference(second)
    if difference is sympy.S.EmptySet:
        return True
    return False if isinstance(difference, sympy.Interval | sympy.FiniteSet | sympy.Union) else None


def _compare_expressions(gold: Any, answer: Any) -> bool | None:
    """Compares values at several points: one that differs refutes, all together confirm to 18 digits."""
    import sympy

    if not answer.free_symbols <= gold.free_symbols:
        return False
    bounds = (bound for part in gold.atoms(sympy.Sum, sympy.Product) for limit in part.limits for bound in limit[1:])
    counted = {symbol for bound in bounds for symbol in bound.free_symbols}
    symbols, random, agreed = sorted(gold.free_symbols, key=str), Random(0), 0
    for _ in range(_POINTS if symbols else 1):
        point = {symbol: _draw(random, whole=symbol in counted) for symbol in symbols}
        one, other = (_value(side.subs(point)) for side in (gold, answer))
        if one is None or other is None:
            continue
        if one.is_infinite or other.is_infinite:
            if one != other:
                return False
        elif abs(one - other) > _CLOSE * max(1, abs(one)):
            return False
        agreed += 1
    return True if agreed >= (2 if symbols else 1) else None


def _is_near(gold: Any, answer: Any, margin: Decimal) -> bool:
    """Whether two real numbers differ by no more than the caller allows."""
    import sympy

    if any(not isinstance(side, sympy.Expr) or side.free_symbols for side in (gold, answer)):
        return False
    values = [_value(side) for side in (gold, answer)]
    if any(value is None or not value.is_finite or not value.is_real for value in values):
        return False
    return bool(abs(values[0] - values[1]) <= sympy.Rational(str(margin)))


def _draw(random: Random, *, whole: bool) -> Any:
    """Returns a positive number: a whole one for the bound of a sum."""
    import sympy

    return sympy.Integer(random.randint(2, 9)) if whole else sympy.Rational(random.randint(3, 40), 17)


def _value(expression: Any) -> Any:
    """Returns the number that an expression without unknowns is, None if there is none."""
    import sympy

    done = expression.doit()
    value = done if done.is_infinite else done.evalf(_DIGITS)
    unfinished = (sympy.nan, sympy.zoo, sympy.AccumBounds, sympy.Sum, sympy.Product, sympy.Integral, sympy.Limit)
    return value if value.is_number and not value.has(*unfinished) else None
