"""What the answer of an upstream row becomes as a gold: a number, LaTeX in dollars, or the right option of several.

All multiple-choice questions are converted in the same way: the gold is the *value* of the right option if a rule can
check it, else its letter (`choice_gold`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mmk12.datasets.declarations import SkipRow
from mmk12.types import Gold
from mmk12.verifier import classify_gold

_NUMBER = re.compile(r"[-+]?(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{1,15})? ?%?", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,15}", re.ASCII)
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_LOOSE = re.compile(r"[ \t]{0,4}([{}^_])[ \t]{0,4}")
_ROOT = re.compile(r"√\s?(?:\{([^{}]*)\}|\(([^()]*)\)|(\d+(?:\.\d+)?|[A-Za-z]))")
_SIGNS = {"°": r"^\circ", "º": r"^\circ", "˚": r"^\circ", "π": r"\pi", "%": r"\%"}
_SIGN = re.compile(r"\s?([°º˚])|(?<!\\)([π%])")


def number_gold(answer: Any) -> str:
    r"""Returns a numeric answer in dollars: `1,234` -> `$1234$`, `75%` -> `$75\%$`. Raises `SkipRow` for others."""
    text = str(answer).strip()
    if isinstance(answer, bool) or not _NUMBER.fullmatch(text):
        raise SkipRow("the answer is not a number", text[:200])
    return f"${text.replace(',', '').replace('%', chr(92) + '%').replace(' ', '')}$"


def integer_gold(answer: Any) -> str:
    """Returns an integer answer in dollars, also one in words: `two` -> `$2$`. Raises `SkipRow` for others."""
    text = str(answer).strip().lower()
    text = str(_WORDS.index(text)) if text in _WORDS else text
    if isinstance(answer, bool) or not _INTEGER.fullmatch(text):
        raise SkipRow("the answer is not an integer", text[:200])
    return f"${text}$"


def wrap_in_dollars(latex: str) -> str:
    """Returns `latex` as inline mathematics, the answer format that the prompts ask for."""
    return latex if "$" in latex else f"${latex}$"


def remove_spaces(latex: str) -> str:
    r"""Removes the spaces of tokenized LaTeX around braces and scripts: `\sqrt { 2 }` -> `\sqrt{2}`."""
    return _LOOSE.sub(r"\1", latex).strip()


def to_latex(text: str) -> str:
    r"""Replaces printed symbols by LaTeX: `√{3}` -> `\sqrt{3}`, `140°` -> `140^\circ`, `2πr` -> `2\pi r`."""
    rooted = _ROOT.sub(lambda root: rf"\sqrt{{{root[1] or root[2] or root[3]}}}", text.strip())
    return _SIGN.sub(lambda sign: _command(_SIGNS[sign[1] or sign[2]], rooted[sign.end() : sign.end() + 1]), rooted)


def _command(name: str, following: str) -> str:
    """Returns a LaTeX command, followed by a space if a letter follows."""
    return f"{name} " if following.isalpha() else name


# Multiple choice

LETTERS = "ABCDEFGHIJ"
CHECKABLE = frozenset(
    {
        "number",
        "numeric expression",
        "algebraic expression",
        "degrees",
        "number with unit",
        "ratio or time",
        "tuple or interval",
        "equation",
        "inequality",
    }
)
"""Types of gold (`classify_gold`) that a question can ask for without showing options."""

_NUMERIC = re.compile(r"[\dπ]|\\pi")
_DECADE = re.compile(r"\d0s\b")
_POINTS = re.compile(
    r"\b(?:which|select|choose|choices?|options?|following|closest|not|except|incorrect|could|best|likely)\b"
    r"|下列|以下|选项|选择|可能|不能|正确|错误|最接近|不是",
    re.IGNORECASE,
)


def choice_gold(question: str, options: Sequence[str], right: int) -> tuple[str, Gold]:
    """Returns the question with or without options, and its gold; `right` is the index of the right option, from 0.

    Raises `SkipRow` for empty or repeated options, `IndexError` if there is no right one.
    """
    if not 0 <= right < len(options) <= len(LETTERS):
        raise IndexError(f"option {right + 1} of {len(options)} is the right one")
    texts = [text.strip() for text in options]
    if not all(texts) or len(set(texts)) < len(texts):
        raise SkipRow("options are empty or repeated", " | ".join(texts))
    value = Gold(wrap_in_dollars(to_latex(texts[right])))
    if is_checkable(value) and not _POINTS.search(question):
        return question, value
    lines = "\n".join(f"{letter}. {text}" for letter, text in zip(LETTERS, texts, strict=False))
    return f"{question}\n{lines}", Gold(LETTERS[right], kind="choice", choices=tuple(texts))


def is_checkable(value: Gold) -> bool:
    """Returns whether an open question can have this gold: a number, or a formula that contains one."""
    kind = classify_gold(value)
    numeric = bool(_NUMERIC.search(value.text)) and not _DECADE.search(value.text)  # the 1920s are not 1920 times s
    return kind.usable and kind.type in CHECKABLE and numeric
