"""Grades MathVerse by `--quick_match` of `evaluation/score_answer_s2.py` (github.com/ZrrSkywalker/MathVerse).

The published scores ask GPT whether two answers agree. Offline, upstream has only this: the extracted answer must be
the gold, character by character. Kept: nothing is stripped, so `(C)`, `C. x > 0` for `C`, and `4 m` for `4.0 m` are
wrong, and a free-form gold such as `Area $=9 \\pi$` is out of reach.
"""

from __future__ import annotations

from mmk12.evaluation.official.parsing import get_released_text, read_answer
from mmk12.types import Gold
from mmk12.verifier.choices import read_letter


def mathverse(response: str, gold: Gold) -> bool:
    """Returns whether the extracted answer is the gold as it is printed; for a choice, GPT extracts the letter."""
    extraction = read_answer(response)
    if gold.kind == "choice":
        extraction = read_letter(extraction) or extraction
    return extraction == get_released_text(gold)
