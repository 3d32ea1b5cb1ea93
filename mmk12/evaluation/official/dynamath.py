"""Grades DynaMath by `evaluation/opensource_json_eval.py` (github.com/DynaMath/DynaMath).

The short answer of the JSON that its prompt demands is compared: numbers up to 0.001, with `2π` as a multiple of π;
letters as they are, and of longer answers the first three characters; other golds anywhere in the answer.

Kept: a fraction or a root is no number; "BC" is right for both letters, "Blue" for B; "15:00" contains the gold `5:0`.
VLMEvalKit's own rule is another one: it looks for the answer in the gold, and asks GPT where the JSON is broken.
"""

from __future__ import annotations

import json
import math

from mmk12.evaluation.official.parsing import get_released_text, python_float, read_answer
from mmk12.types import Gold

TOLERANCE = 0.001
MAX_TAIL = 20_000
"""Characters from the end of a response that are read."""


def dynamath(response: str, gold: Gold) -> bool:
    """Returns whether the answer that our extractor reads is right by upstream's comparison."""
    return is_right(read_answer(response).strip("$ ").replace("\\pi", "π"), gold)


def dynamath_raw(response: str, gold: Gold) -> bool:
    """Returns whether the short answer of the JSON is right; without JSON, the last line without its last character."""
    text = response[-MAX_TAIL:]
    start, end = text.find("{"), text.rfind("}")
    try:
        value = json.loads(text[start : end + 1].replace("\\", ""), strict=False)
        answer = str(value["short answer"])
    except (ValueError, KeyError, TypeError, RecursionError):
        answer = text.split("\n")[-1][:-1]
    return is_right(answer, gold)


def is_right(answer: str, gold: Gold) -> bool:
    """Returns whether a short answer is right by upstream's comparison."""
    expected = get_released_text(gold)
    if gold.kind == "number":
        ours, theirs = python_float(expected), _read_number(answer)
        return ours is not None and theirs is not None and abs(theirs - ours) <= TOLERANCE
    if gold.kind == "choice":
        return expected == answer if len(answer) == 1 else expected in answer[:3]
    return expected in answer


def _read_number(text: str) -> float | None:
    first = text.split(" ")[0]
    if "π" not in first:
        return python_float(first)
    factor = python_float(first.split("π")[0])
    return None if factor is None else factor * math.pi
