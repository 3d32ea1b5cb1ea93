"""An extracted answer as a value, in the light of what kind of answer the gold is."""

from __future__ import annotations

import re
from math import gcd

from mmk12.verifier.answer_parser import MAX_NOUNS, parse, text_value
from mmk12.verifier.gold import Reference, listed, numbered
from mmk12.verifier.nodes import Listing, Text, Value
from mmk12.verifier.sentences import committed, formula, is_program, labelled, quantity, stated, unbold, unlabelled
from mmk12.verifier.unicode import plain

_UNREDUCED = re.compile(
    r"\\[dt]?frac\s*\{\s*-?(\d{1,18})\s*\}\s*\{\s*(\d{1,18})\s*\}|(?<![\d/])(\d{1,18})\s*/\s*(\d{1,18})(?![\d/])"
)
_YES_NO = re.compile(r"(yes|no)\s*[,.:;]\s+([a-z].*)", re.IGNORECASE | re.DOTALL)
_SINGLE_DIGITS = re.compile(r"[(\[]?\d[)\]]?\.?(?:[\s,;.]*(?:and\s*)?[(\[]?\d[)\]]?)*\s*\.?")


def understood(text: str, gold: Reference) -> Value:
    """`text` as a value: as it stands, or the candidate inside a sentence, in the light of the gold."""
    text = committed(unbold(text))
    if gold.declared == "text":
        return _worded(text, gold)
    if gold.declared == "list" and isinstance(gold.values[0], Listing):
        value = listed(text, gold.values[0])
        return value if not _wordy(value) or any(map(_wordy, gold.values)) else _within(text) or value
    value = parse(text)
    kind = gold.kind.type
    if kind == "statements":
        return _statements(text) or value
    if kind in ("sub-answers", "several answers"):
        value = numbered(text) or value
    if not _wordy(value) or (kind != "text" and any(map(_wordy, gold.values))):
        return value
    if kind != "text":
        return value if _hedges(value) else _within(text) or value
    reply = _reply(text)
    if reply is not None:
        return parse(reply)
    states = isinstance(value, Text) and (len(value.words) > MAX_NOUNS or "is" in value.words)
    return parse(stated(text) or text) if states and value not in gold.values else value


def _worded(text: str, gold: Reference) -> Text:
    """`text` as words, or what it states where it is a sentence."""
    value = text_value(text)
    if value in gold.values:
        return value
    return text_value(_reply(text) or stated(text) or text)


def _hedges(value: Value) -> bool:
    """`7 or whatever you like`"""
    return isinstance(value, Listing) and value.joint == "or" and not isinstance(value.items[0], Text)


def _wordy(value: Value) -> bool:
    """Whether there are words in it that no comparison but one with words can use."""
    return isinstance(value, Text) or (isinstance(value, Listing) and any(map(_wordy, value.items)))


def _reply(text: str) -> str | None:
    """The yes or no that a sentence opens with, if the sentence does not take it back."""
    match = _YES_NO.match(text.strip())
    if match is None:
        return None
    other = "no" if match.group(1).lower() == "yes" else "yes"
    doubt = re.search(rf"\b(?:{other}|or|but|maybe)\b", match.group(2), re.IGNORECASE)
    return None if doubt else match.group(1)


def _within(text: str) -> Value | None:
    """The answer inside a sentence: behind its label, in its last formula, what it states, or its number."""
    if is_program(text):
        return None
    for find in (labelled, unlabelled, formula, stated, quantity):
        candidate = find(text)
        value = parse(candidate) if candidate else None
        if value is not None and not _wordy(value):
            return value
    return None


def _statements(text: str) -> Listing | None:
    """`1.3.4`, `(1)(3)(4)`, `①③④` or `1, 3, 4` as a list of statement numbers."""
    shown = plain(text).replace("$", "").strip()
    if len(shown) < 60 and _SINGLE_DIGITS.fullmatch(shown) and not re.search(r"\d\d", shown):
        return Listing(tuple(parse(digit) for digit in re.findall(r"\d", shown)), ",")
    return None


def shape(text: str) -> str:
    """`text` without what never matters. White space stays: it is what parts `8 4` from `84`."""
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    return " ".join(text.replace("$", " ").split()).rstrip(" .")


def has_unreduced(text: str) -> bool:
    """Whether a fraction of whole numbers in `text` is not in lowest terms."""
    for match in _UNREDUCED.finditer(text[:4000]):
        over, under = (int(group) for group in match.groups() if group is not None)
        if gcd(over, under) > 1:
            return True
    return False
