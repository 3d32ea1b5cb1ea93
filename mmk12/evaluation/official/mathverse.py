"""Grades MathVerse by `--quick_match` of `evaluation/score_answer_s2.py` (github.com/ZrrSkywalker/MathVerse).

The published scores ask GPT whether two answers agree. Offline, upstream has only this: the extracted answer must be
the gold, character by character. Kept: `4 m` for `4.0 m` is wrong, and a gold such as `Area $=9 \\pi$` must be repeated
with its label. Our extractor takes dollars and other marks off an answer, so it reads the gold in the same way.
"""

from __future__ import annotations

from mmk12.evaluation.official.parsing import get_released_text, read_answer
from mmk12.types import Gold
from mmk12.verifier.choices import read_letter


def mathverse(response: str, gold: Gold) -> bool:
    """Returns whether the extracted answer is the gold as it is printed; for a choice, GPT extracts the letter."""
    extraction, printed = read_answer(response), get_released_text(gold)
    if gold.kind == "choice":
        return (read_letter(extraction) or extraction) == printed
    return _strip(extraction) == _strip(read_answer(f"<answer>{printed}</answer>"))


def _strip(text: str) -> str:
    return text.strip("$ \n")
