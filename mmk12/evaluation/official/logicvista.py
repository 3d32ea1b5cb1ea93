"""Grades LogicVista by the sets of letters, as upstream (github.com/Yijia-Xiao/LogicVista) and VLMEvalKit do.

Both ask GPT which letters a response chooses; here our extractor does. All letters of the gold must be named, and no
other, in any order and case; a number is a letter like others. Kept: an answer by the content of an option is wrong.
"""

from __future__ import annotations

import re

from mmk12.evaluation.official.parsing import get_released_text, read_answer
from mmk12.types import Gold
from mmk12.verifier.choices import find_only_letter, read_letter

_MACRO = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\b|[()\[\]{}$*\"'.]")
_SEPARATOR = re.compile(r"[\s,;/&]+(?:and\b)?\s*")
_LABEL = re.compile(r"[A-Ja-j]|[1-9]|[A-J]{2,10}")


def logicvista(response: str, gold: Gold) -> bool | None:
    """Returns whether the letters are those of the gold; None where the release prints no gold."""
    printed = get_released_text(gold)
    if not printed.strip():
        return None
    answer = read_answer(response)
    letter = read_letter(answer)
    found = {letter} if letter else _split_labels(answer) or {find_only_letter(response) or ""}
    return found == _split_labels(printed)


def _split_labels(text: str) -> set[str]:
    """Returns the letters and numbers that a text lists; none if it says anything else."""
    parts = [part for part in _SEPARATOR.split(_MACRO.sub(" ", text).strip()) if part]
    return {label.upper() for part in parts for label in part} if all(map(_LABEL.fullmatch, parts)) else set()
