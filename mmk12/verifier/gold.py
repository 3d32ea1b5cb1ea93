"""Reading a gold: what kind of answer it is, and whether a rule can grade against it at all.

This is the gold linter. A gold is unusable when it is empty, free text, outside the grammar, or says itself that
other answers are right too. A usable gold of any type is worth a reward; an unusable one never is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from mmk12.types import Gold
from mmk12.verifier.chars import plain
from mmk12.verifier.evaluate import symbols
from mmk12.verifier.extract import boxed, is_placeholder
from mmk12.verifier.grammar import parse
from mmk12.verifier.numbers import marks
from mmk12.verifier.phrases import MAX_CHARS, text_value
from mmk12.verifier.prose import concluded, formula, quantity, stated
from mmk12.verifier.relations import is_bare, is_name
from mmk12.verifier.sets import as_expr
from mmk12.verifier.values import Brackets, Grouped, Listing, Matrix, Num, Ratio, Relation, Text, Union, Value

MAX_WORDS = 6
"""A text answer of more words has too many paraphrases to be graded by a rule."""


@dataclass(frozen=True, slots=True)
class GoldClass:
    """What a gold is. `type` is one of `TYPES`; `reason` says why it is unusable, or how it was read."""

    type: str
    usable: bool
    reason: str = ""


TYPES = (
    "number",
    "numeric expression",
    "algebraic expression",
    "degrees",
    "number with unit",
    "several answers",
    "sub-answers",
    "statements",
    "alternatives",
    "tuple or interval",
    "equation",
    "inequality",
    "relation",
    "ratio or time",
    "relation symbol",
    "letter",
    "text",
    "sentence",
    "matrix",
    "open",
    "empty",
)


@dataclass(frozen=True, slots=True)
class Reference:
    """A gold, read once. An answer is right if it is any of `values`."""

    text: str
    values: tuple[Value, ...]
    kind: GoldClass


_OPEN = re.compile(
    r"\(\s*(?:the\s+)?(?:answers?|reasons?)?\s*(?:is|are)?\s*not (?:unique|the only)[^()]*\)|答案不唯一",
    re.IGNORECASE,
)
_NOT_UNIQUE = re.compile(r"\bnot unique\b|\banswers? (?:may|can) vary\b|答案不唯一", re.IGNORECASE)
_OR_ELSE = re.compile(r"\(\s*or(?:\s+fill\s+in)?\s+(.+)\)\s*\.?\s*$", re.IGNORECASE | re.DOTALL)
_CHOOSE = re.compile(r"\(\s*(?:choose|any) one[^()]*\)", re.IGNORECASE)
_MARK = re.compile(r"\((\d)\)")
_STATEMENTS = re.compile(r"(?:\d\s*\.\s*){2,9}|(?:\(\d\)[\s,]*){2,9}\.?|(?:\d\s*\.\s*){1,8}\d\s*\.")
_SINGLE_LETTER = re.compile(r"\(?([A-Z])\)?\.?|\(([A-Z])\)\s*\S.*|([A-Z])[.:]\s+\S.*")
"""`C`, `(C)`, `C. x = 42`"""
_ARGUES = re.compile(r"[∵∴]|\b(?:therefore|thus|hence|because|fill in)\b", re.IGNORECASE)
_DOLLARS = re.compile(r"\\text\s*\{\s*([A-Za-z])\s*\}|\\(?:boxed|mathrm|textbf|mathbf)\s*\{\s*([A-Za-z])\s*\}")


def classify_gold(gold: str | Gold) -> GoldClass:
    """The type of a gold and whether it can be graded against. Never raises."""
    return reference(gold.text if isinstance(gold, Gold) else gold).kind


@lru_cache(maxsize=4096)
def reference(text: str) -> Reference:
    """`text` as a gold; where it is a solution with a box, the box is the gold."""
    shown = plain(text[-MAX_CHARS:])
    shown = (boxed(shown) or shown).strip()
    simple = _simple(shown)
    if simple is not None:
        return Reference(text, *simple)
    bare = shown.strip("$ .\n\t")
    if is_placeholder(bare) or not any(char.isalnum() or char in "<>=≤≥≠∥⊥∞" for char in bare):
        return Reference(text, (), GoldClass("empty", False, "the gold is empty"))
    shown, others = _alternatives(shown)
    is_open = bool(_NOT_UNIQUE.search(shown))
    shown = _OPEN.sub("", shown).strip()
    values, kind = _read(shown)
    if others:
        values, kind = (*values, *map(parse, others)), GoldClass("alternatives", True, "any one of them")
    if is_open:
        kind = GoldClass("open", False, "the gold says that other answers are right too")
    return Reference(text, values, kind)


def _simple(text: str) -> tuple[tuple[Value, ...], GoldClass] | None:
    """A lone number or letter, which no other rule about golds can concern."""
    if text.strip("$").isdecimal():
        value = parse(text)
        return ((value,), GoldClass("number", True)) if isinstance(value, Num) else None
    letter = _SINGLE_LETTER.fullmatch(text_letter(text))
    return ((parse(letter[1]),), GoldClass("letter", True)) if letter and letter[1] else None


def _alternatives(text: str) -> tuple[str, list[str]]:
    """`x ≥ 2 (or x > 2)`: the text without the alternative, and the alternative."""
    match = _OR_ELSE.search(text)
    return (text[: match.start()].strip(), [match.group(1)]) if match else (text, [])


def _read(text: str) -> tuple[tuple[Value, ...], GoldClass]:
    if _STATEMENTS.fullmatch(text.strip("$ ")):
        digits = re.findall(r"\d", text)
        if digits == sorted(set(digits)) and (len(digits) > 1):
            items = tuple(parse(digit) for digit in digits)
            return (Listing(items, ","),), GoldClass("statements", True)
    blanks = numbered(text)
    if blanks is not None:
        words = sum(len(item.words) for item in blanks.items if isinstance(item, Text))
        usable = words <= MAX_WORDS
        return (blanks,), GoldClass("sub-answers", usable, "" if usable else "free text")
    choose = _CHOOSE.search(text)
    value = parse(_CHOOSE.sub("", text) if choose else text)
    if isinstance(value, Listing) and value.joint == "or" and (choose or _conditions(value)):
        return value.items, GoldClass("alternatives", True, "any one of them")
    letter = _SINGLE_LETTER.fullmatch(text_letter(text))
    if letter:
        return (parse(next(filter(None, letter.groups()))),), GoldClass("letter", True)
    if isinstance(value, Text) or _ARGUES.search(text):
        return _words(text_value(text), text)
    return (value,), _kind(value)


def text_letter(text: str) -> str:
    """`text` without the dressing that a single letter may wear."""
    return (_DOLLARS.sub(r"\1\2", text) if "\\" in text else text).strip("$ \n")


def numbered(text: str) -> Listing | None:
    """`(1) … (2) …` as one list of blanks; None where the text is not numbered like that."""
    if "(2)" not in text:
        return None
    items = tuple(item for part in _numbered(text) for item in _items(parse(part)))
    return Listing(items, "blanks") if items else None


def _items(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, Listing) else (value,)


def _numbered(text: str) -> list[str]:
    """The answers behind `(1)`, `(2)`, … where these count up from 1 and each is followed by something."""
    text = text.strip("$ \n")
    found = list(_MARK.finditer(text))
    if (
        len(found) < 2
        or text[: found[0].start()].strip()
        or [m.group(1) for m in found] != list("123456789")[: len(found)]
    ):
        return []
    ends = [match.start() for match in found[1:]] + [len(text)]
    parts = [text[match.end() : end].strip(" ;,.\n") for match, end in zip(found, ends, strict=True)]
    return parts if all(parts) else []


def _conditions(value: Listing) -> bool:
    """Whether these are conditions one of which was asked for, not the solutions of one problem."""
    return all(
        isinstance(item, Relation)
        and item.ops == ("=",)
        and as_expr(item.members[1]) is not None
        and not _solution(item)
        for item in value.items
    )


def _solution(item: Relation) -> bool:
    right = as_expr(item.members[1])
    return is_name(item.members[0]) and right is not None and not symbols(right)


def _words(value: Text, text: str) -> tuple[tuple[Value, ...], GoldClass]:
    if len(value.words) <= MAX_WORDS and not _ARGUES.search(text):
        if any(char in value.raw for char in "\\_^"):
            return (value,), GoldClass("text", False, "outside the grammar: only the same string is accepted")
        return (value,), GoldClass("text", True)
    tail = concluded(text)
    for candidate in (tail, stated(tail), formula(tail), quantity(tail)) if tail else ():
        inner = parse(candidate) if candidate else None
        if inner is not None and not isinstance(inner, Text) and not _texts(inner):
            return (inner,), GoldClass("sentence", True, f"read as its conclusion: {candidate}")
    return (value,), GoldClass("text", False, "free text cannot be graded by a rule")


def _texts(value: Value) -> bool:
    return isinstance(value, Listing) and any(isinstance(item, Text) for item in value.items)


def _several(value: Listing) -> GoldClass:
    texts = [item for item in value.items if isinstance(item, Text)]
    if any("\\" in item.raw for item in texts):
        return GoldClass("several answers", False, "outside the grammar: only the same string is accepted")
    if any(len(item.words) > MAX_WORDS for item in texts):
        return GoldClass("several answers", False, "free text cannot be graded by a rule")
    return GoldClass("several answers", True)


def _kind(value: Value) -> GoldClass:
    expr = as_expr(value)
    if expr is not None:
        if isinstance(expr, Num):
            return GoldClass("number", True)
        found = marks(expr)
        if "°" in found:
            return GoldClass("degrees", True)
        if "unit" in found:
            return GoldClass("number with unit", True)
        return GoldClass("algebraic expression" if symbols(expr) else "numeric expression", True)
    if isinstance(value, Grouped):
        return GoldClass("number", True)
    if isinstance(value, Listing):
        return _several(value)
    if isinstance(value, Brackets | Union):
        return GoldClass("tuple or interval", True)
    if isinstance(value, Ratio):
        return GoldClass("ratio or time", True)
    if isinstance(value, Matrix):
        return GoldClass("matrix", True)
    if isinstance(value, Relation):
        if is_bare(value):
            return GoldClass("relation symbol", True)
        if set(value.ops) <= {"=", "≈"}:
            return GoldClass("equation", True)
        return GoldClass("inequality" if set(value.ops) <= set("<>≤≥≠") else "relation", True)
    return GoldClass("text", True)
