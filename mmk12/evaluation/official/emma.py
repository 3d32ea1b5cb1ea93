r"""Grades EMMA by `evaluation/evaluate.py` and `utils.py` (github.com/EMMA-Bench/EMMA).

The last box, of it the last `\text`, or what follows "answer is" and the like up to a period, is compared with the gold
and with the text of the option it names: as lower-case texts, or as values rounded to two decimals. Upstream parses
with latex2sympy; here our grammar reads.

Kept: 2/55 equals 2/56; an answer behind "answer is" ends at its decimal point; a unit beside a number is wrong.
"""

from __future__ import annotations

import re

from mmk12.evaluation.official.parsing import get_released_text, python_float, read_number, read_stated, to_float
from mmk12.types import Gold
from mmk12.verifier.boxes import find_boxes
from mmk12.verifier.nodes import Expr
from mmk12.verifier.numeric import are_equal

_LETTERS = "ABCDEFGH"
_FLAGS = ("final answer is", "correct answer is", "answer should be", "answer is", "answer:")
_TEXT = re.compile(r"\\text\{(.*?)\}")
MAX_TAIL = 20_000
"""Characters from the end of a response that are read."""


def emma(response: str, gold: Gold) -> bool:
    """Returns whether the answer, in a box or as our extractor reads it, is right by upstream's comparison."""
    text = response[-MAX_TAIL:]
    return emma_raw(read_stated(text, ("boxed{",)), gold)


def emma_raw(response: str, gold: Gold) -> bool:
    """Returns whether upstream's cut equals the gold, or the text of the option that the gold names."""
    answer, expected = cut_answer(response[-MAX_TAIL:].strip()), get_released_text(gold)
    index = ord(expected) - ord("A") if gold.choices and len(expected) == 1 else -1
    texts = [expected, gold.choices[index]] if 0 <= index < len(gold.choices) else [expected]
    return any(_is_equal(answer, text) for text in texts)


def cut_answer(text: str) -> str:
    """Returns the answer by upstream's rules; all of the text if none of them applies."""
    for letter in _LETTERS:
        if text.upper() == letter or text.startswith((f"{letter}:", f"{letter}.")):
            return letter
    if python_float(text) is not None:
        return text
    boxes = find_boxes(text)
    if boxes:
        inner = _TEXT.findall(boxes[-1].content)
        return str((inner or [boxes[-1].content])[-1]).strip()
    lower = text.lower()
    for flag in _FLAGS:
        if flag in lower:
            return lower.split(flag)[-1].strip().split("\n")[0].split(".")[0]
    return text


def _is_equal(answer: str, expected: str) -> bool:
    answer, expected = answer.lower().strip(), expected.lower().strip()
    if answer == expected:
        return True
    ours, theirs = read_number(expected), read_number(answer)
    return ours is not None and theirs is not None and _have_equal_values(ours, theirs)


def _have_equal_values(ours: Expr, theirs: Expr) -> bool:
    a, b = to_float(ours), to_float(theirs)
    if a is not None and b is not None and round(a, 2) == round(b, 2):
        return True
    return are_equal(ours, theirs)
