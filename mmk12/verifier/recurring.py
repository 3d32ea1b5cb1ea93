r"""Reads recurring decimals: `0.1\overline{6}`, `0.\dot{1}2\dot{3}`, `0.(3)`, `0.1666…`, each as an exact fraction.

A mark is read only where it tells the period. With a digit behind the last mark (`0.\overline{4}5`), or with dots and
bars in one number, the text stays as it is, and then it is no number.
"""

from __future__ import annotations

import re

MAX_DIGITS = 60
"""Digits of the longest recurring decimal."""
_WHOLE = r"(?<![\d.,])(\d{1,3}(?:,\d{3}){1,20}|\d{0,60})"
_MARKED = re.compile(
    _WHOLE + r"\.((?:\d{1,60}|\\(?:dot|overline|bar)\s?(?:\{\s?\d{1,60}\s?\}|\d)){1,60})(?![\d{])(?!\.\d)"
)
_PART = re.compile(r"\\(dot|overline|bar)\s?\{?\s?(\d{1,60})\s?\}?|(\d{1,60})")
"""A mark with its digits, or digits without one."""
_BRACKETED = re.compile(r"([\s$]*-?)(\d{1,60})(?:,(?=\()|\.)(\d{0,60})\((\d{1,60})\)([\s$.]*)")
"""`0.1(6)` as a whole answer; inside a formula it is a product."""
_DOTS = re.compile(_WHOLE + r"\.(\d{3,60})(?:\.{3}|…|\s?\\[lc]?dots(?![A-Za-z]))")
_DOT_OVER = re.compile("(\\d)\u0307")
_OVER = re.compile("([0-9A-Za-z])[\u0304\u0305]")
"""A digit or a letter under a bar, by a combining character."""


def expand_recurring(text: str) -> str:
    """Returns `text` with each recurring decimal as a fraction in braces. Linear in the length of `text`."""
    if not text.isascii():
        text = _OVER.sub(r"\\bar{\1}", _DOT_OVER.sub(r"\\dot{\1}", text))
    if "\\overline" in text or "\\dot" in text or "\\bar" in text:
        text = _MARKED.sub(_read_marks, text)
    if "..." in text or "…" in text or "dots" in text:
        text = _DOTS.sub(_read_dots, text)
    if text.rstrip(" $.\n").endswith(")") and (match := _BRACKETED.fullmatch(text)):
        before, whole, fixed, period, behind = match.groups()
        text = f"{before}{_write_fraction(whole, fixed, period)}{behind}"
    return text


def _read_marks(match: re.Match[str]) -> str:
    """Returns the fraction that digits with marks write; the same text if the marks tell no period."""
    parts = [(part[1], part[2] or part[3]) for part in _PART.finditer(match[2])]
    marked = [place for place, (mark, _) in enumerate(parts) if mark]
    dots = {mark == "dot" for mark, _ in parts if mark}
    if not marked or len(dots) > 1 or marked[-1] != len(parts) - 1:
        return match[0]
    first = marked[0]
    if len(marked) < len(parts) - first and (dots == {False} or len(marked) > 2):
        # Digits between two bars, or between more than two dots.
        return match[0]
    fixed = "".join(digits for _, digits in parts[:first])
    return _write_fraction(match[1], fixed, "".join(digits for _, digits in parts[first:]))


def _read_dots(match: re.Match[str]) -> str:
    """Returns `0.1666…` as a fraction: three equal digits before the dots recur. Other digits do not."""
    digits = match[2]
    fixed = digits.rstrip(digits[-1])
    return _write_fraction(match[1], fixed, digits[-1]) if len(digits) - len(fixed) > 2 else match[0]


def _write_fraction(whole: str, fixed: str, period: str) -> str:
    whole = whole.replace(",", "") or "0"
    if len(whole + fixed + period) > 2 * MAX_DIGITS:
        return f"{whole}.{fixed}\\overline{{{period}}}"
    over = int(whole + fixed + period) - int(whole + fixed)
    return f"{{\\frac{{{over}}}{{{(10 ** len(period) - 1) * 10 ** len(fixed)}}}}}"
