"""Grades We-Math by `evaluation/four_dimensional_metrics.py` (github.com/We-Math/We-Math).

What stands behind the last "Answer" is stripped of `<`, `>`, `:` and `.`; its first character is the answer, if it is
one of A to H. Kept: an answer by value is wrong; the first letter of a word counts, so "Both" is B.
"""

from __future__ import annotations

from mmk12.evaluation.official.parsing import get_released_text, read_stated
from mmk12.types import Gold
from mmk12.verifier.choices import read_letter

_MARK = "Answer"
_REMOVED = str.maketrans("", "", "<>:.")


def wemath(response: str, gold: Gold) -> bool:
    """Returns whether the answer, in upstream's form or as our extractor reads it, begins with the gold letter."""
    stated = read_stated(response, (_MARK,))
    return wemath_raw(read_letter(stated) or stated if stated is not response else response, gold)


def wemath_raw(response: str, gold: Gold) -> bool:
    """Returns whether upstream's cut begins with the gold letter."""
    answer = response.split(_MARK)[-1].strip().translate(_REMOVED).strip()
    return answer[:1] in tuple("ABCDEFGH") and answer[:1] == get_released_text(gold)
