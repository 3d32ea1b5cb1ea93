"""Grades MathVista by the arithmetic of `evaluation/calculate_score.py` (github.com/lupantech/MathVista).

Answers are brought into the form of the gold and compared as strings: options as the option's text, integers by
`int(float(x))`, decimals by `round(float(x), precision)`, lists as they stand. GPT-4 extracts upstream.

Kept: an answer that is no option counts as the *nearest* option by edit distance, the empty answer too, which is a
guess that can be right; 14.7 is 14; a list must be spelt as the gold.
"""

from __future__ import annotations

import math
import re

from mmk12.evaluation.official.parsing import get_released_text, python_float, read_answer, read_quantity
from mmk12.types import Gold
from mmk12.verifier.choices import find_only_letter, read_letter

_BRACKETED = re.compile(r"\(([a-zA-Z])\)")
MAX_COMPARED = 200
"""Characters of an answer that are compared with the options."""


def mathvista(response: str, gold: Gold) -> bool | None:
    """Returns whether upstream gives the point; None for the test split, whose answers are not published."""
    if not gold.text.strip():
        return None
    return normalize(_extract(response, gold), gold) == get_released_text(gold)


def _extract(response: str, gold: Gold) -> str:
    """Returns what upstream asks GPT for: the letter or text of an option, a bare number, or the list."""
    if response in gold.choices:
        return response
    answer = read_answer(response)
    if gold.choices:
        return read_letter(answer) or find_only_letter(response) or answer
    return read_quantity(answer) if gold.kind == "number" else answer


def normalize(extraction: str, gold: Gold) -> str | None:
    """Returns an extracted answer in the form of the gold; None where it has none."""
    if gold.choices:
        return _nearest_option(extraction.strip(), gold.choices)
    if gold.kind != "number":
        return extraction
    number = python_float(extraction)
    if number is None or not math.isfinite(number):
        return None
    return str(int(number)) if gold.precision is None else str(round(number, gold.precision))


def _nearest_option(extraction: str, choices: tuple[str, ...]) -> str:
    bracketed = _BRACKETED.search(extraction)
    named = bracketed[1].upper() if bracketed else extraction
    if len(named) == 1 and named.isascii() and 0 <= ord(named) - ord("A") < len(choices):
        return choices[ord(named) - ord("A")]
    return min(choices, key=lambda choice: edit_distance(named[:MAX_COMPARED], choice))


def edit_distance(a: str, b: str) -> int:
    """Returns the Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, char in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (char != other))
    return row[-1]
