"""Reads answers and values for the published graders, in the place of GPT, Python's `eval` and sympy."""

from __future__ import annotations

from mmk12.types import Gold
from mmk12.verifier.answer_parser import parse
from mmk12.verifier.backends import FloatBackend, NoValue
from mmk12.verifier.extract import Extraction, extract_answer
from mmk12.verifier.gold import make_reference
from mmk12.verifier.interpret import interpret
from mmk12.verifier.nodes import AmbiguousNumber, Expr, Num, Value
from mmk12.verifier.numeric import POINTS, evaluate, find_symbols, sample_point
from mmk12.verifier.quantities import as_decimal, unit_marks, without_units
from mmk12.verifier.sets import as_expr

MAX_CHARS = 1000
"""Characters of an answer that are read."""
TAG = "<answer>"
_STATED = frozenset(("answer tag", "boxed", "JSON key", "answer is", "final answer", "####"))
"""The rules of our extractor by which a response states its answer, and does not only end in it."""
_NUMBER = make_reference("0")
"""A gold that is a number: an answer is read as one."""


def get_released_text(gold: Gold) -> str:
    """Returns the gold as the dataset prints it: upstream corrects none."""
    return gold.text if gold.released is None else gold.released


def read_answer(response: str) -> str:
    """Returns the answer that our extractor finds, "" if there is none: in the place of a call to GPT."""
    extraction = extract_answer(response)
    return extraction.text.strip()[:MAX_CHARS] if isinstance(extraction, Extraction) else ""


def read_stated(response: str, marks: tuple[str, ...]) -> str:
    """Returns the text that a string rule of upstream reads.

    That is the whole response if one of `marks` stands in it, by which that rule finds the answer, and there is no
    answer tag, which none of them knows; else the answer that our extractor finds by a tag, a box or a label, or the
    whole response if it finds none.
    """
    if TAG not in response and any(mark in response for mark in marks):
        return response
    extraction = extract_answer(response)
    if isinstance(extraction, Extraction) and extraction.rule in _STATED:
        return extraction.text.strip()[:MAX_CHARS]
    return response


def python_float(text: str) -> float | None:
    """Returns Python's `float(text)`, or None where it raises."""
    try:
        return float(text[:MAX_CHARS])
    except ValueError:
        return None


def read_quantity(text: str) -> str:
    """Returns the number that an answer states, as GPT would copy it: without unit, degree or percent sign.

    Fractions, roots and words are returned as they are; Python does not read them as numbers.
    """
    if python_float(text) is not None or "/" in text or "frac" in text:
        return text
    expr = to_expression(interpret(text, _NUMBER))
    number = None if expr is None else without_units(expr, "unit", "°", "%")
    return str(to_float(number)) if isinstance(number, Num) else text


def to_expression(value: Value) -> Expr | None:
    """Returns a value as one expression, None if it is none; `12,345` is one number."""
    return value.one if isinstance(value, AmbiguousNumber) else as_expr(value)


def read_number(text: str) -> Expr | None:
    """Reads a text as one expression of our grammar; None if it is none."""
    return to_expression(parse(text[:MAX_CHARS]))


def to_float(expr: Expr) -> float | None:
    """Returns the value of a constant expression without marks and units, None for any other."""
    value = None if unit_marks(expr) else as_decimal(expr)
    return None if value is None else float(value)


def find_constant_value(expr: Expr) -> float | None:
    """Returns the real value that an expression has for all values of its symbols; None if it varies or has none."""
    names = find_symbols(expr)
    try:
        first, *others = (evaluate(expr, sample_point(names, trial), FloatBackend()) for trial in range(POINTS))
    except (NoValue, ArithmeticError, ValueError):
        return None
    close = 1e-9 * max(1.0, abs(first))
    return first.real if all(abs(value - first.real) <= close for value in (first, *others)) else None
