"""Words as an answer: compared without case, punctuation and articles."""

from __future__ import annotations

import re

from mmk12.verifier.values import Sym, Text
from mmk12.verifier.words import CONTENT_COMMANDS

MAX_CHARS = 4000
"""What is longer is cut."""

_DRESSING = re.compile(rf"\\(?:{'|'.join(sorted(CONTENT_COMMANDS))}|quad|left|right)\b")
_MARKS = re.compile(r"[^\w\s<>=≤≥≠+\-*/^√π°%.:'∠△∪∩∈→]+")
_POINTS = re.compile(r"\.(?:(?<!\d\.)|(?!\d))|'(?:(?<!\w')|(?!\w))")
"""What is no decimal point and no apostrophe inside a word."""
_ARTICLES = frozenset(("a", "an", "the"))


def text_value(text: str) -> Text:
    """`text` as words: lower case, no punctuation, no articles."""
    bare = _DRESSING.sub(" ", text[:MAX_CHARS]) if "\\" in text else text[:MAX_CHARS]
    spaced = bare
    if not bare.replace(" ", "").isalnum():
        spaced = _MARKS.sub(" ", bare)
        if "." in spaced or "'" in spaced:
            spaced = _POINTS.sub(" ", spaced)
    words = spaced.lower().split()
    kept = tuple([word for word in words if word not in _ARTICLES])
    return Text(kept or tuple(words), bare.strip().strip("$").strip())


_SETS = {
    **dict.fromkeys(("empty set", "no solution", "no solutions", "no real solution", "空集", "无解"), Sym("∅")),
    **dict.fromkeys(("all real numbers", "set of all real numbers", "全体实数", "实数集"), Sym("ℝ")),
}


def spoken(text: str) -> Text | Sym:
    """`text` as words, or as the set that these words name."""
    value = text_value(text)
    return _SETS.get(" ".join(value.words), value)
