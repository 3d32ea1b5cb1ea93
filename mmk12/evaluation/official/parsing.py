"""What the published graders have from GPT, Python or sympy: the answer of a response, and the value of a text."""

from __future__ import annotations

from mmk12.types import Gold
from mmk12.verifier.answer_parser import parse
from mmk12.verifier.extract import Extraction, extract_answer
from mmk12.verifier.gold import make_reference
from mmk12.verifier.interpret import interpret
from mmk12.verifier.nodes import AmbiguousNumber, Expr, Num, Value
from mmk12.verifier.numeric import POINTS, FloatBackend, NoValue, evaluate, find_symbols, sample_point
from mmk12.verifier.quantities import as_decimal, unit_marks, without_units
from mmk12.verifier.sets import as_expr

MAX_CHARS = 1000
"""Longest text that is looked at as one answer."""
_NUMBER = make_reference("0")
"""A gold that is a number, in whose light an answer is read."""


def print_number(gold: Gold) -> str:
    """The gold as the dataset prints it: upstream mends nothing."""
    return gold.text if gold.released is None else gold.released


def read_answer(response: str) -> str:
    """The answer of a response by our extractor, "" if there is none: in the place of a call to GPT."""
    found = extract_answer(response)
    return found.text.strip()[:MAX_CHARS] if isinstance(found, Extraction) else ""


def python_float(text: str) -> float | None:
    """What Python's `float` makes of `text`."""
    try:
        return float(text[:MAX_CHARS])
    except ValueError:
        return None


def quantity(text: str) -> str:
    """The number that an answer states, as GPT would copy it: without unit, degree or percent sign.

    Fractions, roots and words stay as they are, and are no number to Python.
    """
    if python_float(text) is not None or "/" in text or "frac" in text:
        return text
    expr = expression(interpret(text, _NUMBER))
    number = None if expr is None else without_units(expr, "unit", "°", "%")
    return str(constant(number)) if isinstance(number, Num) else text


def expression(value: Value) -> Expr | None:
    """`value` as one expression; `12,345` is one number."""
    return value.one if isinstance(value, AmbiguousNumber) else as_expr(value)


def read_number(text: str) -> Expr | None:
    """A text as one expression of our grammar, None if it is none."""
    return expression(parse(text[:MAX_CHARS]))


def constant(expr: Expr) -> float | None:
    """The float that a constant expression without marks and units comes to, None for any other."""
    value = None if unit_marks(expr) else as_decimal(expr)
    return None if value is None else float(value)


def is_steady(expr: Expr) -> float | None:
    """The real number that an expression comes to wherever its symbols stand; None if it varies or has no value."""
    names = find_symbols(expr)
    try:
        first, *others = (evaluate(expr, sample_point(names, trial), FloatBackend()) for trial in range(POINTS))
    except (NoValue, ArithmeticError, ValueError):
        return None
    close = 1e-9 * max(1.0, abs(first))
    return first.real if all(abs(value - first.real) <= close for value in (first, *others)) else None
