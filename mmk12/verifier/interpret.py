"""An extracted answer as a value, in the light of what kind of answer the gold is."""

from __future__ import annotations

import re
from math import gcd

from mmk12.verifier.answer_parser import MAX_NOUNS, parse, parse_text
from mmk12.verifier.gold import GoldReference, split_list, split_sub_answers
from mmk12.verifier.nodes import AnswerList, Text, Value
from mmk12.verifier.sentences import (
    final_statement,
    find_formula,
    find_labelled,
    find_quantity,
    find_statement,
    is_program,
    strip_bold,
    strip_label,
)
from mmk12.verifier.unicode import to_plain

_UNREDUCED = re.compile(
    r"\\[dt]?frac\s*\{\s*-?(\d{1,18})\s*\}\s*\{\s*(\d{1,18})\s*\}|(?<![\d/])(\d{1,18})\s*/\s*(\d{1,18})(?![\d/])"
)
_YES_NO = re.compile(r"(yes|no)\s*[,.:;]\s+([a-z].*)", re.IGNORECASE | re.DOTALL)
_SINGLE_DIGITS = re.compile(r"[(\[]?\d[)\]]?\.?(?:[\s,;.]*(?:and\s*)?[(\[]?\d[)\]]?)*\s*\.?")


def interpret(text: str, gold: GoldReference) -> Value:
    """`text` as a value: as it stands, or the candidate inside a sentence, in the light of the gold."""
    text = final_statement(strip_bold(text))
    if gold.declared == "text":
        return _has_words(text, gold)
    if gold.declared == "list" and isinstance(gold.values[0], AnswerList):
        value = split_list(text, gold.values[0])
        return value if not _wordy(value) or any(map(_wordy, gold.values)) else _contained(text) or value
    value = parse(text)
    kind = gold.kind.type
    if kind == "statements":
        return _statements(text) or value
    if kind in ("sub-answers", "several answers"):
        value = split_sub_answers(text) or value
    if not _wordy(value) or (kind != "text" and any(map(_wordy, gold.values))):
        return value
    if kind != "text":
        return value if _hedges(value) else _contained(text) or value
    reply = _reply(text)
    if reply is not None:
        return parse(reply)
    states = isinstance(value, Text) and (len(value.words) > MAX_NOUNS or "is" in value.words)
    return parse(find_statement(text) or text) if states and value not in gold.values else value


def _has_words(text: str, gold: GoldReference) -> Text:
    """`text` as words, or what it states where it is a sentence."""
    value = parse_text(text)
    if value in gold.values:
        return value
    return parse_text(_reply(text) or find_statement(text) or text)


def _hedges(value: Value) -> bool:
    """`7 or whatever you like`"""
    return isinstance(value, AnswerList) and value.separator == "or" and not isinstance(value.items[0], Text)


def _wordy(value: Value) -> bool:
    """Whether there are words in it that no comparison but one with words can use."""
    return isinstance(value, Text) or (isinstance(value, AnswerList) and any(map(_wordy, value.items)))


def _reply(text: str) -> str | None:
    """The yes or no that a sentence opens with, if the sentence does not take it back."""
    match = _YES_NO.match(text.strip())
    if match is None:
        return None
    other = "no" if match.group(1).lower() == "yes" else "yes"
    doubt = re.search(rf"\b(?:{other}|or|but|maybe)\b", match.group(2), re.IGNORECASE)
    return None if doubt else match.group(1)


def _contained(text: str) -> Value | None:
    """The answer inside a sentence: behind its label, in its last formula, what it states, or its number."""
    if is_program(text):
        return None
    for find in (find_labelled, strip_label, find_formula, find_statement, find_quantity):
        candidate = find(text)
        value = parse(candidate) if candidate else None
        if value is not None and not _wordy(value):
            return value
    return None


def _statements(text: str) -> AnswerList | None:
    """`1.3.4`, `(1)(3)(4)`, `①③④` or `1, 3, 4` as a list of statement numbers."""
    shown = to_plain(text).replace("$", "").strip()
    if len(shown) < 60 and _SINGLE_DIGITS.fullmatch(shown) and not re.search(r"\d\d", shown):
        return AnswerList(tuple(parse(digit) for digit in re.findall(r"\d", shown)), ",")
    return None


def answer_shape(text: str) -> str:
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
