"""Reads a gold: what type of answer it is, and whether a rule can grade against it at all.

This is the gold linter. A gold is unusable when it is empty, free text, outside the grammar, or says itself that
other answers are right too. A response to an unusable gold earns nothing. Data building refuses more golds:
`mmk12/datasets/gold_check.py`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TypeGuard

from mmk12.types import ANSWER_TYPES, Gold
from mmk12.verifier.answer_parser import parse, parse_simple
from mmk12.verifier.boxes import find_boxed
from mmk12.verifier.extract import is_placeholder
from mmk12.verifier.nodes import (
    AmbiguousNumber,
    AnswerList,
    Bracketed,
    Difference,
    Matrix,
    Num,
    Ratio,
    Relation,
    Sym,
    Text,
    TimeOfDay,
    Union,
    Value,
    frozen,
)
from mmk12.verifier.numeric import find_symbols
from mmk12.verifier.quantities import unit_marks
from mmk12.verifier.relations import is_bare, is_name
from mmk12.verifier.sentences import find_conclusion, find_formula, find_quantity, find_statement, strip_label
from mmk12.verifier.sets import SETS, as_expr
from mmk12.verifier.spec import GradingSpec
from mmk12.verifier.unicode import find_control, restore_escapes, to_plain
from mmk12.verifier.words import MAX_CHARS, parse_text

_DECLARED = frozenset(ANSWER_TYPES) - {"auto"}
"""What a caller can declare; `auto` leaves it to the text."""
MAX_LETTERS = 100
_OPTION = re.compile(r"\$*\(?([A-Za-z])\)?[.:]?\$*")
_LETTERS = re.compile(r"(?:[\s,;/&$]*(?:and\b)?\s*\(?[A-Z]\)?\.?)+\$?")
MAX_LONE = 40
"""Maximum length of a decorated single letter, e.g. `\\text{(A)}`."""
MAX_WORDS = 6
"""A text answer of more words has too many paraphrases to be graded by a rule."""


@frozen
class GoldClass:
    """The type of a gold, one of `TYPES`; `reason` says why the gold is unusable, or how it was read."""

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

_GOOD = {name: GoldClass(name, True) for name in TYPES}


@frozen
class GoldReference:
    """A parsed gold. An answer is right if it equals any of `values`."""

    text: str
    values: tuple[Value, ...]
    kind: GoldClass
    declared: str = "auto"


_MARK = re.compile(r"\((\d)\)")
_MEANT = re.compile(r"[^\W_]|[<>=≤≥≠∥⊥∞]")
"""Something that can be an answer: a letter, a digit, a relation."""
_TICKS = frozenset("√×*✓✔✗✘☑☒") | {"\\times", "\\surd", "\\checkmark"}
"""Marks of right and wrong, as they are printed and as `to_plain` leaves them."""
_OPEN = re.compile(
    r"\(\s*(?:the\s+)?(?:answers?|reasons?)?\s*(?:is|are)?\s*not (?:unique|the only)[^()]*\)|答案不唯一",
    re.IGNORECASE,
)
_NOT_UNIQUE = re.compile(r"\bnot unique\b|\banswers? (?:may|can) vary\b|答案不唯一", re.IGNORECASE)
_OR_ELSE = re.compile(r"\(\s*or(?:\s+fill\s+in)?\s+(.+)\)\s*\.?\s*$", re.IGNORECASE | re.DOTALL)
_CHOOSE = re.compile(r"\(\s*(?:choose|any) one[^()]*\)", re.IGNORECASE)
_STATEMENTS = re.compile(r"(?:\d\s*\.\s*){2,9}|(?:\(\d\)[\s,]*){2,9}\.?|(?:\d\s*\.\s*){1,8}\d\s*\.")
_SINGLE_LETTER = re.compile(r"\(?([A-Z])\)?\.?|\(([A-Z])\)\s*\S.*|([A-Z])[.:]\s+(?!.*[;,]\s*[A-Z]:)\S.*")
"""`C`, `(C)`, `C. x = 42`"""
_ARGUES = re.compile(r"[∵∴]|\b(?:therefore|thus|hence|because|fill in)\b", re.IGNORECASE)
_DRESSED = re.compile(r"\\(?:text|boxed|mathrm|textbf|mathbf)\s*\{\s*\(?([A-Za-z])\)?\s*\}")
"""A letter in a macro for words, perhaps in brackets there."""


def classify_gold(gold: str | Gold) -> GoldClass:
    """Returns the type of a gold and whether it can be graded against. Never raises."""
    if isinstance(gold, Gold):
        reference = make_reference(gold.text, GradingSpec.from_gold(gold).answer_type)
        if gold.choices and reference.values and not reference.kind.usable:
            # As in `verify`: with options, even a gold of many words is one of a few.
            return GoldClass(reference.kind.type, True, "the text of one of the options")
        return reference.kind
    return make_reference(gold).kind


@lru_cache(maxsize=4096)
def make_reference(text: str, declared: str = "auto") -> GoldReference:
    """Parses `text` as a gold of the declared answer type; of a solution with a box, the box is the gold."""
    read = _make_reference(text, declared)
    if text.isprintable() or not read.kind.usable:
        return read
    restored = restore_escapes(text)
    control = find_control(restored)
    if control is not None:
        return replace(
            read, values=(), kind=GoldClass(read.kind.type, False, f"a control character {control} is in it")
        )
    if restored == text or read.kind.reason:
        return read
    return replace(read, kind=replace(read.kind, reason="read with the backslashes that JSON took for escapes"))


def _make_reference(text: str, declared: str) -> GoldReference:
    shown = to_plain(text[-MAX_CHARS:])
    if "box" in shown:
        shown = find_boxed(shown) or shown
    shown = shown.strip()
    lone = _simple(shown) if declared not in ("choice", "text", "list") else None
    if lone is not None and (lone[1].type != "letter" or declared not in _DECLARED):
        return GoldReference(text, *lone, declared)
    return _make_declared(text, shown, declared) if declared in _DECLARED else _make_undeclared(text, shown)


def _make_declared(text: str, shown: str, declared: str) -> GoldReference:
    """Parses a gold of which the caller names the type."""
    letter = resolve_option(shown) if declared == "choice" else None
    if letter is not None:
        return GoldReference(text, (Sym(letter),), _GOOD["letter"], declared)
    read = _make_undeclared(text, shown)
    if not read.values or not read.kind.usable or declared == "choice":
        return replace(read, declared=declared)
    values, kind = read.values, read.kind
    if kind.type == "letter" or declared == "text":
        values = (parse_text(shown) if declared == "text" else parse(shown),)
        kind = _words(parse_text(shown), shown)[1] if declared == "text" else _kind(values[0])
    if declared == "number":
        values = tuple(value.one if isinstance(value, AmbiguousNumber) else value for value in values)
        if not all(map(_is_constant, values)):
            kind = GoldClass(kind.type, False, "the gold is declared a number and is none")
    if declared == "list":
        values = tuple(map(to_collection, values))
        kind = _GOOD["several answers"]
    return GoldReference(text, values, kind, declared)


def _make_undeclared(text: str, shown: str) -> GoldReference:
    """Parses a gold of which only the text is known."""
    bare = shown.strip("$ .\n\t")
    if bare in _TICKS:
        return GoldReference(
            text, (), GoldClass("empty", False, "the gold is a tick or a cross, which is no answer in words")
        )
    if is_placeholder(bare) or not _MEANT.search(bare):
        return GoldReference(text, (), GoldClass("empty", False, "the gold is empty"))
    shown, others = _alternatives(shown)
    # Such words hold a space or are Chinese: a plain search saves most golds the slow pattern.
    is_open = (" " in shown or "不" in shown) and bool(_NOT_UNIQUE.search(shown))
    values, kind = _read(_OPEN.sub("", shown).strip() if "(" in shown else shown)
    if others:
        values, kind = (*values, *map(parse, others)), GoldClass("alternatives", True, "any one of them")
    if is_open:
        kind = GoldClass("open", False, "the gold says that other answers are right too")
    return GoldReference(text, values, kind)


def _simple(text: str) -> tuple[tuple[Value, ...], GoldClass] | None:
    """Parses a lone number, angle or letter, to which no other rule about golds applies."""
    value = parse_simple(text)
    if value is not None and not isinstance(value, Sym):
        return (value,), _kind(value)
    letter = _letter(text) if len(text) < MAX_LONE else None
    return ((parse(letter[1]),), _GOOD["letter"]) if letter and letter[1] else None


def _alternatives(text: str) -> tuple[str, list[str]]:
    """Splits `x ≥ 2 (or x > 2)` into the text without the alternative, and the alternatives."""
    match = _OR_ELSE.search(text) if "(" in text else None
    return (text[: match.start()].strip(), [match.group(1)]) if match else (text, [])


def _read(text: str) -> tuple[tuple[Value, ...], GoldClass]:
    if _STATEMENTS.fullmatch(text.strip("$ ")):
        digits = re.findall(r"\d", text)
        if digits == sorted(set(digits)) and (len(digits) > 1):
            items = tuple(parse(digit) for digit in digits)
            return (AnswerList(items, ","),), _GOOD["statements"]
    blanks = split_sub_answers(text)
    if blanks is not None:
        words = sum(len(item.words) for item in blanks.items if isinstance(item, Text))
        usable = words <= MAX_WORDS
        return (blanks,), GoldClass("sub-answers", usable, "" if usable else "free text")
    choose = _CHOOSE.search(text) if "(" in text else None
    value = parse(_CHOOSE.sub("", text) if choose else text)
    if isinstance(value, AnswerList) and value.separator == "or" and (choose or _conditions(value)):
        return value.items, GoldClass("alternatives", True, "any one of them")
    if isinstance(value, Text) or _texts(value):
        bare = strip_label(text)
        inner = parse(bare) if bare else value
        if not isinstance(inner, Text) and not _texts(inner):
            value = inner
    letter = _letter(text)
    if letter:
        return (parse(next(filter(None, letter.groups()))),), _GOOD["letter"]
    if isinstance(value, Text) or ((" " in text or "∵" in text or "∴" in text) and _ARGUES.search(text)):
        return _words(parse_text(text), text)
    return (value,), _kind(value)


def _letter(text: str) -> re.Match[str] | None:
    """Matches the letter of an option that `text` is or begins with: a capital, which most formulas lack."""
    return None if text.islower() or text[:1].isdecimal() else _SINGLE_LETTER.fullmatch(_strip_letter_macros(text))


def _strip_letter_macros(text: str) -> str:
    """Returns `text` without the macros and dollars that may surround a single letter."""
    dressed = "\\t" in text or "\\m" in text or "\\b" in text
    return (_DRESSED.sub(r"\1", text) if dressed else text).strip("$ \n")


def _conditions(value: AnswerList) -> bool:
    """Whether these are conditions of which one suffices, not the solutions of one problem."""
    return all(
        isinstance(item, Relation)
        and item.ops == ("=",)
        and as_expr(item.members[1]) is not None
        and not _solution(item)
        for item in value.items
    )


def _solution(item: Relation) -> bool:
    right = as_expr(item.members[1])
    return is_name(item.members[0]) and right is not None and not find_symbols(right)


def _words(value: Text, text: str) -> tuple[tuple[Value, ...], GoldClass]:
    if len(value.words) <= MAX_WORDS and not _ARGUES.search(text):
        if any(char in value.raw for char in "\\_^"):
            return (value,), GoldClass("text", False, "outside the grammar: only the same string is accepted")
        return (value,), _GOOD["text"]
    tail = find_conclusion(text)
    for candidate in (tail, find_statement(tail), find_formula(tail), find_quantity(tail)) if tail else ():
        inner = parse(candidate) if candidate else None
        if inner is not None and not isinstance(inner, Text) and not _texts(inner):
            return (inner,), GoldClass("sentence", True, f"read as its conclusion: {candidate}")
    return (value,), GoldClass("text", False, "free text cannot be graded by a rule")


def _texts(value: Value) -> bool:
    return isinstance(value, AnswerList) and any(isinstance(item, Text) for item in value.items)


def _several(value: AnswerList) -> GoldClass:
    texts = [item for item in value.items if isinstance(item, Text)]
    if any("\\" in item.raw for item in texts):
        return GoldClass("several answers", False, "outside the grammar: only the same string is accepted")
    if any(len(item.words) > MAX_WORDS for item in texts):
        return GoldClass("several answers", False, "free text cannot be graded by a rule")
    return _GOOD["several answers"]


def _kind(value: Value) -> GoldClass:
    expr = as_expr(value)
    if expr is not None:
        if isinstance(expr, Num):
            return _GOOD["number"]
        if isinstance(expr, Sym) and expr.name in SETS:
            return _GOOD["tuple or interval"]
        marks = unit_marks(expr)
        if "°" in marks:
            return _GOOD["degrees"]
        if "unit" in marks:
            return _GOOD["number with unit"]
        return _GOOD["algebraic expression" if find_symbols(expr) else "numeric expression"]
    if isinstance(value, AmbiguousNumber):
        return _GOOD["number"]
    if isinstance(value, AnswerList):
        return _several(value)
    if isinstance(value, (Bracketed, Union, Difference)):
        return _GOOD["tuple or interval"]
    if isinstance(value, (Ratio, TimeOfDay)):
        return _GOOD["ratio or time"]
    if isinstance(value, Matrix):
        return _GOOD["matrix"]
    if isinstance(value, Relation):
        if is_bare(value):
            return _GOOD["relation symbol"]
        if set(value.ops) <= {"=", "≈"}:
            return _GOOD["equation"]
        return _GOOD["inequality" if set(value.ops) <= set("<>≤≥≠") else "relation"]
    return _GOOD["text"]


# What `answer_type` declares a gold to be.


def resolve_option(text: str) -> str | None:
    """Returns the capital letter of a gold that is declared a choice; None for an option's text."""
    match = _OPTION.fullmatch(text.strip())
    return match[1].upper() if match else None


def _is_constant(value: Value) -> bool:
    """Whether this is one constant, a ratio, or a name with a constant as its value."""
    if isinstance(value, Relation) and value.ops and set(value.ops) <= {"=", "≈"}:
        value = value.members[-1] or value
    expr = as_expr(value)
    return isinstance(value, Ratio) or (expr is not None and not find_symbols(expr) - {"i"})


def to_collection(value: Value) -> AnswerList:
    """Returns the entries of a gold that is declared a list.

    They are unordered; a list in square brackets, as Python prints it, and one that repeats an entry are sequences.
    """
    if isinstance(value, AmbiguousNumber):
        value = value.several
    items = value.items if isinstance(value, AnswerList) or _is_list(value) else (value,)
    sequence = len(set(items)) < len(items) or (isinstance(value, Bracketed) and value.opening == "[")
    return AnswerList(items, "blanks" if sequence else ",")


def _is_list(value: Value) -> TypeGuard[Bracketed]:
    """`[1, 2]` and `{1, 2}`; round brackets are a point."""
    return isinstance(value, Bracketed) and value.opening in "[{"


def split_list(text: str, gold: AnswerList) -> Value:
    """Parses an answer to such a gold: option letters need no commas (`CD`, `(C) and (D)`)."""
    options = all(isinstance(item, Sym) and len(item.name) == 1 and item.name.isupper() for item in gold.items)
    if options and len(text) < MAX_LETTERS and _LETTERS.fullmatch(text.strip()):
        return AnswerList(tuple(Sym(letter) for letter in re.findall(r"[A-Z]", text)), ",")
    value = parse(text)
    return to_collection(value) if _is_list(value) or isinstance(value, AmbiguousNumber) else value


# Sub-answers under their numbers, `(1) … (2) …`, in golds and in answers.


def split_sub_answers(text: str) -> AnswerList | None:
    """Parses `(1) … (2) …` as one list of blanks; None where the text is not numbered like that."""
    if "(2)" not in text:
        return None
    items = tuple(item for part in _numbered(text) for item in _items(parse(part)))
    return AnswerList(items, "blanks") if items else None


def _items(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, AnswerList) else (value,)


def _numbered(text: str) -> list[str]:
    """Returns the answers behind `(1)`, `(2)`, … if these count up from 1 and none is empty; else nothing."""
    text = text.strip("$ \n")
    marks = list(_MARK.finditer(text))
    if (
        len(marks) < 2
        or text[: marks[0].start()].strip()
        or [mark.group(1) for mark in marks] != list("123456789")[: len(marks)]
    ):
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    parts = [text[mark.end() : end].strip(" ;,.\n") for mark, end in zip(marks, ends, strict=True)]
    return parts if all(parts) else []
