"""Words as an answer: compared without case, punctuation and articles."""

from __future__ import annotations

import re

from mmk12.verifier.values import Text
from mmk12.verifier.words import CONTENT_COMMANDS

MAX_CHARS = 4000
"""What is longer is cut."""

_DRESSING = re.compile(rf"\\(?:{'|'.join(sorted(CONTENT_COMMANDS))}|quad|left|right)\b")
_MARKS = re.compile(r"[^\w\s<>=≤≥≠+\-*/^√π°%.:'∠△∪∩∈→]+|(?<!\d)\.|\.(?!\d)|(?<!\w)'|'(?!\w)")
_ARTICLES = frozenset(("a", "an", "the"))


def text_value(text: str) -> Text:
    """`text` as words: lower case, no punctuation, no articles."""
    bare = _DRESSING.sub(" ", text[:MAX_CHARS])
    words = _MARKS.sub(" ", bare).lower().split()
    kept = tuple(word for word in words if word not in _ARTICLES)
    return Text(kept or tuple(words), bare.strip().strip("$").strip())
