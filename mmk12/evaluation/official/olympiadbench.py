"""Grades OlympiadBench as upstream's own judge does.

The judge is `inference/code/math_judger.py`, called as in `inference/judge.py` (github.com/OpenBMB/OlympiadBench).

All boxes of the answer, joined by commas, are paired with the parts of the gold, in any order: as strings, intervals,
numbers within the `error` of the problem (1e-8 without one; tuples never have one), expressions, or equations up to a
whole factor. Upstream parses with sympy; here our grammar reads, and equality of expressions is ours.

Kept: an answer 100 times too large or too small is right; an intermediate box makes a right answer wrong; an interval
with entries missing at its end equals the whole one; `^\\circ` and `%` are struck out; the answer is taken for the
reference, so a percentage is scaled from its side. MM-Eureka does not use this judge: its numbers ask GPT-4o.
"""

from __future__ import annotations

import re
from itertools import islice

from mmk12.evaluation.official.parsing import (
    find_constant_value,
    get_released_text,
    python_float,
    read_number,
    read_stated,
    to_float,
)
from mmk12.types import Gold
from mmk12.verifier.nodes import Expr, make_negative, make_quotient, make_sum
from mmk12.verifier.numeric import are_equal, find_symbols

_FINAL = re.compile(r"(?:So the final answer is |所以最终答案是)(.*)")
_BOX = re.compile(r"\\boxed\{")
_KNOWN = ("\\boxed{", "So the final answer is ", "所以最终答案是")
_DOLLARS = re.compile(r"\$(.*?)\$")
_WRAPPED = re.compile(r"\\(?:mathrm|mathbf)\{~?([^}]*)\}")
_MARKS = re.compile(r"[()\[\],]")
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")
_SIGNS = (
    ("\\left", ""),
    ("\\right", ""),
    ("∶", ":"),
    ("，", ","),
    ("$", ""),
    ("\\approx", "="),
    ("\\simeq", "="),
    ("\\sim", "="),
    ("^\\prime", "'"),
    ("^{\\prime}", "'"),
    ("^\\circ", ""),
    ("%", ""),
)
_EDGE = "\n$,.:;^_=+`!@#$%^&*~，。"
DEFAULT_ERROR = 1e-8
SLACK = 1e-3
"""Expressions with symbols may differ by a constant below this."""
MAX_PARTS = 64
MAX_TAIL = 20_000
"""Characters from the end of a response that are read."""


def olympiadbench(response: str, gold: Gold) -> bool:
    """Returns whether the judge pairs the answer, in a box or as our extractor reads it, with the gold."""
    return olympiadbench_raw(read_stated(response[-MAX_TAIL:], _KNOWN), gold)


def olympiadbench_raw(response: str, gold: Gold) -> bool:
    """Returns whether the judge pairs what it reads in the response with the gold."""
    response = response[-MAX_TAIL:]
    final = _FINAL.findall(response)
    answer = _extract_answer(final[-1].strip() if final else response)
    expected = _extract_answer(get_released_text(gold))
    if answer is None or expected is None:
        return False
    error = gold.tolerance or DEFAULT_ERROR
    return answer == expected or _match_parts(_split_parts(answer), _split_parts(expected), error)


def _extract_answer(text: str) -> str | None:
    """Returns the boxes, or the formulas of the last line, or all of it, without the signs that upstream removes."""
    boxes = _find_boxes(text)
    if boxes is None:
        return None
    contents = boxes or _DOLLARS.findall(text.strip().split("\n")[-1])
    text = ",".join((*contents, "")) if contents else text
    if "\\in " in text:
        text = text.split("\\in ")[1]
    for old, new in _SIGNS:
        text = text.replace(old, new)
    return _WRAPPED.sub(r"\1", text.strip(_EDGE))


def _find_boxes(text: str) -> list[str] | None:
    """Returns the contents of all boxes by upstream's own rule; None if one never ends."""
    contents = []
    for box in islice(_BOX.finditer(text), MAX_PARTS):
        depth, end = 1, box.end()
        while depth and end < len(text):
            depth += (text[end] == "{") - (text[end] == "}")
            end += 1
        if depth:
            return None
        contents.append(text[box.end() : end - 1])
    return contents


def _split_parts(text: str) -> list[str]:
    """Splits a text at the commas outside brackets; a part with `\\pm` becomes two."""
    parts, start, depth = [], 0, 0
    text = _CHINESE.sub("", text)
    for mark in _MARKS.finditer(text):
        depth += (mark[0] in "([") - (mark[0] in ")]")
        if mark[0] == "," and depth == 0:
            parts.append(text[start : mark.start()].strip())
            start = mark.end()
    if start < len(text):
        parts.append(text[start:].strip())
    signs = (("+", "-") if "\\pm" in part else ("",) for part in parts)
    return [part.replace("\\pm", sign) for part, both in zip(parts, signs, strict=True) for sign in both]


def _match_parts(answers: list[str], golds: list[str], error: float) -> bool:
    if len(answers) != len(golds) or len(golds) > MAX_PARTS:
        return False
    rest = list(golds)
    for answer in answers:
        match = next((gold for gold in rest if _are_equal(answer, gold, error)), None)
        if match is None:
            return False
        rest.remove(match)
    return True


def _are_equal(answer: str, gold: str, error: float) -> bool:
    if answer == gold:
        return answer != ""
    if _is_interval(answer) and _is_interval(gold) and _intervals_equal(answer, gold, error):
        return True
    if _numbers_equal(answer, gold, error):
        return True
    equations = "=" in answer and "=" in gold
    return _equations_equal(answer, gold) if equations else _expressions_equal(answer, gold, error)


def _is_interval(text: str) -> bool:
    return text.startswith(("(", "[")) and text.endswith((")", "]"))


def _intervals_equal(answer: str, gold: str, error: float) -> bool:
    ours, theirs = gold.split("\\cup"), answer.split("\\cup")
    return len(ours) == len(theirs) and all(
        a[:1] == b[:1] and a[-1:] == b[-1:] and _entries_equal(a, b, error) for a, b in zip(theirs, ours, strict=True)
    )


def _entries_equal(answer: str, gold: str, error: float) -> bool:
    pairs = zip(answer.strip("[]()").split(","), gold.strip("[]()").split(","), strict=False)
    return all(_expressions_equal(a, b, error) for a, b in pairs)


def _numbers_equal(answer: str, gold: str, error: float) -> bool:
    ours, theirs = python_float(gold), python_float(answer)
    if ours is None or theirs is None:
        return False
    return any(abs(scaled - ours) <= error * 1.01 for scaled in (theirs / 100, theirs, theirs * 100))


def _expressions_equal(answer: str, gold: str, error: float) -> bool:
    """Returns whether two expressions are equal, of an equation its right side; constants within the error."""
    ours, theirs = (read_number(text.split("=")[1] if "=" in text else text) for text in (gold, answer))
    if ours is None or theirs is None:
        return False
    if are_equal(ours, theirs):
        return True
    if bool(find_symbols(ours)) != bool(find_symbols(theirs)):
        return False
    if find_symbols(ours):
        gap = find_constant_value(make_sum([ours, make_negative(theirs)]))
        return gap is not None and abs(gap) < SLACK
    a, b = to_float(ours), to_float(theirs)
    return a is not None and b is not None and abs(a - b) <= error * 1.01


def _equations_equal(answer: str, gold: str) -> bool:
    """Returns whether the differences of the sides are whole multiples of one another, or one name has equal values."""
    (name, *value), (other, *answered) = gold.split("="), answer.split("=")
    if name.replace(" ", "") == other.replace(" ", "") and len(value) == len(answered) == 1:
        return _expressions_equal(answered[0], value[0], DEFAULT_ERROR)
    ours, theirs = _subtract_sides(gold), _subtract_sides(answer)
    if ours is None or theirs is None:
        return False
    ratio = find_constant_value(make_quotient(ours, theirs))
    if ratio is None or ratio == 0:
        return False
    return any(abs(one - round(one)) < 1e-9 and round(one) != 0 for one in (ratio, 1 / ratio))


def _subtract_sides(equation: str) -> Expr | None:
    sides = [read_number(side) for side in equation.split("=")]
    return make_sum([sides[0], make_negative(sides[1])]) if len(sides) == 2 and sides[0] and sides[1] else None
