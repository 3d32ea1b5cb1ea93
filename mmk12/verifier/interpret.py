"""Parses an extracted answer into a value, in the light of the type of the gold."""

from __future__ import annotations

import re
from dataclasses import replace
from math import gcd

from mmk12.verifier.answer_parser import MAX_NOUNS, parse
from mmk12.verifier.boxes import join_labelled, number_of
from mmk12.verifier.extract import Extraction
from mmk12.verifier.gold import GoldReference, split_list, split_sub_answers
from mmk12.verifier.lexer import ONE_LETTER_UNITS
from mmk12.verifier.nodes import AnswerList, Text, Value
from mmk12.verifier.numeric import find_names
from mmk12.verifier.sentences import (
    denies,
    final_statement,
    find_circled,
    find_formula,
    find_labelled,
    find_quantity,
    find_statement,
    is_program,
    strip_bold,
    strip_label,
)
from mmk12.verifier.unicode import to_plain
from mmk12.verifier.words import parse_text

_UNREDUCED = re.compile(
    r"\\[dt]?frac\s*\{\s*-?(\d{1,18})\s*\}\s*\{\s*(\d{1,18})\s*\}|(?<![\d/])(\d{1,18})\s*/\s*(\d{1,18})(?![\d/])"
)
_YES_NO = re.compile(r"(yes|no)\s*[,.:;]\s+(\S.*)", re.IGNORECASE | re.DOTALL)
_PARTS = re.compile(
    r"(?:^|\n|;)[\s*]*(?:part|blank|answer|question)\s*\(?([1-9a-h])\)?\s*\**\s*[:.：]\**\s*", re.IGNORECASE
)
_TEXT_PART = re.compile(r"\\text\s*\{\s*(\(\d\))\s*\}")
_DENIED = r"\b(?:it|that|this)\s+(?:is|does|was|can)(?:\s+not|n't|\s+false|\s+wrong|\s+incorrect)\b"
_WITHDRAWN = r"\b(?:kidding|wait|sorry)\b"
"""What takes back the yes, or the yes or no, before it."""
_WORDED = re.compile(r"\\(?:text|mathrm|textbf)\s*\{([^{}]*)\}")
"""Words inside a formula: `\\text{point } (2, -3)`."""
_SINGLE_DIGITS = re.compile(r"[(\[]?\d[)\]]?\.?(?:[\s,;.]*(?:and\s*)?[(\[]?\d[)\]]?)*\s*\.?")
_TRUTH = {"true": "yes", "false": "no"}
"""Yes and no as JSON and programs write them."""
_REPLIES = (("yes",), ("no",))


def interpret(text: str, gold: GoldReference) -> Value:
    """Parses `text` as it is written, or the candidate inside a sentence, whichever the type of the gold asks for."""
    text = final_statement(strip_bold(text))
    if gold.declared == "text":
        return _parse_words(text, gold)
    if gold.declared == "list" and isinstance(gold.values[0], AnswerList):
        value = split_list(text, gold.values[0])
        return value if not _has_words(value) or any(map(_has_words, gold.values)) else _find_contained(text) or value
    # A letter of the gold is a variable, not a unit: `3m + 2`.
    value = parse(f"${text}$" if "$" not in text and _shares_letter(text, gold) else text)
    kind = gold.kind.type
    if kind == "statements" or "①" <= gold.text.strip("$ ")[:1] <= "⑳":
        return _parse_statements(text) or _parse_circled(text, value)
    if kind in ("sub-answers", "several answers"):
        value = split_sub_answers(text) or value
    if not _has_words(value) or (kind != "text" and any(map(_has_words, gold.values))):
        return value
    if kind != "text":
        if "\\text" in text or "\\mathrm" in text:
            text = _WORDED.sub(r" \1 ", text)
        return value if _hedges(value) else _find_contained(text) or value
    asks = gold.values and isinstance(gold.values[0], Text) and gold.values[0].words in _REPLIES
    reply = _TRUTH.get(text.strip(" .$").lower()) if asks else None
    reply = reply or _read_yes_no(text)
    if reply is not None:
        return parse(reply)
    states = isinstance(value, Text) and (len(value.words) > MAX_NOUNS or "is" in value.words)
    return parse(find_statement(text) or text) if states and value not in gold.values else value


def fit_blanks(extraction: Extraction, gold: GoldReference) -> Extraction:
    """Returns the extraction for a gold of n blanks: the last n labelled boxes, unless the last holds them all."""
    blanks = gold.values[0] if gold.values else None
    if not isinstance(blanks, AnswerList):
        return extraction
    text = _number_parts(extraction.text)
    if len(extraction.boxes) > 1 and not isinstance(interpret(text, gold), AnswerList):
        joined = join_labelled(extraction.boxes, len(blanks.items))
        if joined is not None:
            return replace(extraction, text=joined, rule=f"{len(blanks.items)} labelled boxes")
    return extraction if text == extraction.text else replace(extraction, text=text)


def _number_parts(text: str) -> str:
    """Returns `Blank 1: 3`, `Blank 2: -5` as `(1) 3 (2) -5`; other texts as they are."""
    if "\\text" in text and _TEXT_PART.search(text):
        text = _TEXT_PART.sub(r" \1 ", text).strip()
    parts = [number_of(match[1]) for match in _PARTS.finditer(text)]
    if len(parts) < 2 or parts != list(range(1, len(parts) + 1)) or _PARTS.match(text) is None:
        return text
    return _PARTS.sub(lambda match: f" ({number_of(match[1])}) ", text).strip()


def _shares_letter(text: str, gold: GoldReference) -> bool:
    """Whether the gold has a variable that stands for a unit in prose, and the answer has that letter."""
    letters = ONE_LETTER_UNITS.intersection(text)
    return bool(letters) and any(letters & find_names(value) for value in gold.values)


def _parse_words(text: str, gold: GoldReference) -> Text:
    """Parses `text` as words; of a sentence, what it states."""
    value = parse_text(text)
    if value in gold.values:
        return value
    return parse_text(_read_yes_no(text) or find_statement(text) or text)


def _hedges(value: Value) -> bool:
    """Returns whether it offers alternatives: `7 or whatever you like`."""
    return isinstance(value, AnswerList) and value.separator == "or" and not isinstance(value.items[0], Text)


def _has_words(value: Value) -> bool:
    """Whether it holds words, which equal nothing but words."""
    return isinstance(value, Text) or (isinstance(value, AnswerList) and any(map(_has_words, value.items)))


def _read_yes_no(text: str) -> str | None:
    """Returns the yes or no that a sentence opens with, if the rest does not withdraw it."""
    match = _YES_NO.match(text.strip())
    if match is None:
        return None
    other = "no" if match.group(1).lower() == "yes" else "yes"
    withdrawn = f"{_DENIED}|{_WITHDRAWN}" if other == "no" else _WITHDRAWN
    doubt = re.search(rf"\b(?:{other}|or|but|maybe)\b|{withdrawn}", match.group(2), re.IGNORECASE)
    return None if doubt else match.group(1)


def _find_contained(text: str) -> Value | None:
    """Parses the answer inside a sentence: after its label, in its last formula, what it states, or its number."""
    if is_program(text):
        return None
    for find in (find_labelled, strip_label, find_formula, find_statement, find_quantity):
        candidate = find(text)
        value = parse(candidate) if candidate else None
        if value is not None and not _has_words(value):
            return value
    return None


def _parse_statements(text: str) -> AnswerList | None:
    """Parses `1.3.4`, `(1)(3)(4)`, `①③④` or `1, 3, 4` as a list of statement numbers."""
    shown = to_plain(text).replace("$", "").strip()
    if len(shown) < 60 and _SINGLE_DIGITS.fullmatch(shown) and not re.search(r"\d\d", shown):
        return AnswerList(tuple(parse(digit) for digit in re.findall(r"\d", shown)), ",")
    return None


def _parse_circled(text: str, value: Value) -> Value:
    """Parses the circled numbers that a sentence calls right; else `value`, the sentence as it was read.

    A sentence that calls some of them wrong is words.
    """
    if denies(text):
        return parse_text(text)
    circled = find_circled(text)
    return (_parse_statements(circled) or parse(circled)) if circled else value


def answer_shape(text: str) -> str:
    """Returns `text` without marks that never matter. White space stays: it separates `8 4` from `84`."""
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac")
    return " ".join(text.replace("$", " ").split()).rstrip(" .")


def has_unreduced(text: str) -> bool:
    """Whether a fraction of whole numbers in `text` is not in lowest terms."""
    for match in _UNREDUCED.finditer(text[:4000]):
        over, under = (int(group) for group in match.groups() if group is not None)
        if gcd(over, under) > 1:
            return True
    return False
