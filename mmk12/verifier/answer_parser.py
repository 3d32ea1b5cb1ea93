r"""Parses answers: from text to one value of `nodes.py`.

`parse` never fails and never guesses: what is not in the grammar becomes words (`Text`). Around the expressions of
`expression_parser.py`, loosest first:

    answer       = chunk { separator chunk }               separators: "," ";" "or" "and", a new line, `$1$ $2$`
    chunk        = item { item }                           a space between numbers separates too
                 | words                                   `360 sets`, `about 5`, `no solution`

The rules of an item are in `item_parser.py`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from mmk12.verifier.conditions import remove_conditions
from mmk12.verifier.item_parser import AnswerParser
from mmk12.verifier.lexer import Token, UnreadableAnswer, tokenize
from mmk12.verifier.nodes import (
    DEGREE,
    ONE,
    AmbiguousNumber,
    AnswerList,
    Call,
    Expr,
    Num,
    Sym,
    Text,
    TimeOfDay,
    Unit,
    Value,
    make_negative,
    make_product,
    make_quotient,
    make_sum,
)
from mmk12.verifier.numerals import SMALL_INTEGERS, parse_number
from mmk12.verifier.systems import expand_plus_minus
from mmk12.verifier.unicode import to_plain
from mmk12.verifier.units import UNITS
from mmk12.verifier.vocabulary import split_names
from mmk12.verifier.words import MAX_CHARS, parse_text, parse_worded_number, parse_words

MAX_NOUNS = 3
"""More words than this between two separators make a sentence."""


def parse(text: str) -> Value:
    """Returns the value that `text` writes; `Text` if it is not in the language of answers. Never raises."""
    return _parse(text.strip()) if len(text) <= MAX_CHARS else parse_text(to_plain(text[: 2 * MAX_CHARS]))


@lru_cache(maxsize=8192)
def _parse(text: str) -> Value:
    simple = parse_simple(text)
    if simple is not None:
        return simple
    plain = to_plain(remove_conditions(text))
    if len(plain) > MAX_CHARS:
        return parse_text(plain)
    # The pattern is tried only where a time or a date may stand.
    time = parse_time(plain) if ":" in plain or plain[:4].isdigit() or "/" in plain[1:3] else None
    if time is not None:
        return time
    try:
        return _parse_answer(tokenize(plain), plain)
    except UnreadableAnswer:
        return parse_text(plain)


_SIMPLE = re.compile(
    r"\$*(?:(-?)(?:(\d{1,18}(?:\.\d{1,18}|))(\^\\circ|\^\{\\circ\}|°|)|\\[dt]?frac\{(\d{1,18})\}\{(\d{1,18})\})|([A-Z]))\$*",
    re.ASCII,
)


def parse_simple(text: str) -> Expr | None:
    """Returns the value of a number, a fraction of whole numbers, an angle in degrees or a capital letter.

    These are most answers, and need no lexer. The value is the one of the full grammar; None for any other text.
    """
    small = SMALL_INTEGERS.get(text)
    if small is not None:
        return small
    match = _SIMPLE.fullmatch(text)
    if match is None:
        return None
    minus, numeral, degrees, over, under, capital = match.groups()
    if capital:
        return Sym(capital)
    value: Expr = parse_number(numeral) if numeral else make_quotient(parse_number(over), parse_number(under))
    if degrees:
        value = make_product([value, DEGREE])
    return make_negative(value) if minus else value


# Lists of answers


_OPENING = split_names("open { set begin floor")
_CLOSING = split_names("close } tes end")
_BLANK_SEPARATORS = frozenset(("$", "\n", ";"))
"""Separators of the fields or lines of an answer."""
_STRENGTH = [",", "$", "\n", ";", "or"]
"""Separators, the weakest first."""
_LEADING_MARKS = frozenset(".:")
_FINAL_MARKS = frozenset(".?!:")


def _parse_answer(tokens: list[Token], source: str) -> Value:
    """Parses one answer or several; `source` is the text of the tokens."""
    tokens = _strip_punctuation(tokens)
    if not tokens:
        raise UnreadableAnswer
    kinds = {token.kind for token in tokens}
    if "word" in kinds:
        tokens = _split_glued_words(tokens)
    chunks, separators = _split_at_separators(tokens) if "sep" in kinds else ([tokens], [])
    if "word" in kinds and any(sum(token.kind == "word" for token in chunk) > MAX_NOUNS for chunk in chunks):
        return parse_words(source)
    blanks_with_alternatives = "or" in separators and not _BLANK_SEPARATORS.isdisjoint(separators)
    values: list[Value] = []
    spaced = False
    # Substring checks skip the loop over the tokens in most cases.
    plus_minus = ("pm" in source or "mp" in source) and any(token.text in ("pm", "mp") for token in tokens)
    for separator, chunk in zip(["", *separators], chunks, strict=True):
        items = _parse_chunk(_strip_punctuation(chunk) if separators else chunk, kinds)
        if plus_minus:
            items = [part for item in items for part in expand_plus_minus(item)]
        spaced |= len(items) > 1 and all(token.text != "pm" for token in chunk)
        if blanks_with_alternatives and separator == "or" and items and values:
            # One field may hold alternatives: "2; x < 0 or x > 1".
            items[0] = AnswerList((*_alternatives(values.pop()), items[0]), "or")
        values.extend(items)
    if not values:
        raise UnreadableAnswer
    if spaced and not separators and (total := _add_measures(values)) is not None:
        return total
    if len(values) == 1:
        return _with_grouped_digits(tokens, values[0])
    kind: Literal["or", "blanks", "space", ","] = ","
    if not _BLANK_SEPARATORS.isdisjoint(separators):
        kind = "blanks"
    elif "or" in separators:
        kind = "or"
    elif spaced:
        kind = "space"
    answers = AnswerList(tuple(values), kind)
    return _with_spaced_digits(chunks[0], answers) if kind == "space" and not separators else answers


def _add_measures(values: list[Value]) -> Expr | None:
    """Returns the sum of `2 h 30 min` or `5 m 20 cm`: amounts of one dimension, each in a smaller unit than before."""
    parts: list[Expr] = []
    before: tuple[str, Fraction] | None = None
    for value in values:
        if isinstance(value, Unit):
            value = Call("*", (ONE, value))
        if not (isinstance(value, Call) and value.op == "*" and len(value.args) == 2):
            return None
        count, unit = value.args
        if not (isinstance(count, Num) and isinstance(unit, Unit) and unit.known):
            return None
        factor, base, degree = UNITS[unit.name]
        if before is not None and (before[0] != f"{base}^{degree}" or factor >= before[1]):
            return None
        before = f"{base}^{degree}", factor
        parts.append(value)
    return make_sum(parts)


def _strip_punctuation(tokens: list[Token]) -> list[Token]:
    """Returns the tokens without the punctuation around a sentence."""
    start, end = 0, len(tokens)
    if not tokens or (tokens[-1].text not in _FINAL_MARKS and tokens[0].text not in _LEADING_MARKS):
        return tokens
    while end and tokens[end - 1].text in _FINAL_MARKS and not _is_factorial(tokens, end - 1):
        end -= 1
    while start < end and tokens[start].text in _LEADING_MARKS:
        start += 1
    return tokens[start:end]


def _is_factorial(tokens: list[Token], index: int) -> bool:
    token = tokens[index]
    return token.text == "!" and index > 0 and not token.spaced and tokens[index - 1].kind != "word"


_WHOLE = split_names("in st nd rd th am pm pc pcs")
"""Short words that stay whole behind a number: `3rd`, `4 pm`."""


def _split_glued_words(tokens: list[Token]) -> list[Token]:
    """Makes products of short words that are glued to mathematics: `\\frac{1}{2}at^2`."""
    result = []
    for index, token in enumerate(tokens):
        before = tokens[index - 1] if index else None
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        glued = (after is not None and after.text in ("^", "_")) or (
            before is not None and not token.spaced and before.kind in ("num", "{", "}")
        )
        short = token.kind == "word" and len(token.text) < 4 and token.text.isascii() and token.text.islower()
        result.append(Token("run", token.text, token.spaced) if short and glued and token.text not in _WHOLE else token)
    return result


def _split_at_separators(tokens: list[Token]) -> tuple[list[list[Token]], list[str]]:
    """Returns the tokens between top-level separators, and the separators between them."""
    chunks: list[list[Token]] = [[]]
    separators: list[str] = []
    depth = 0
    for token in tokens:
        kind = token.kind
        if kind in _OPENING:
            depth += 1
        elif kind in _CLOSING:
            depth -= 1
        if kind == "sep" and depth <= 0:
            if chunks[-1]:
                chunks.append([])
                separators.append(token.text)
            elif separators:
                # ", and" or ",\n": the stronger separator counts.
                separators[-1] = max(separators[-1], token.text, key=_STRENGTH.index)
        else:
            chunks[-1].append(token)
    if len(chunks) > 1 and not chunks[-1]:
        chunks.pop()
        separators.pop()
    return chunks, separators


def _parse_chunk(tokens: list[Token], kinds: set[str]) -> list[Value]:
    """Parses the tokens between two separators: one item, or several numbers set apart by spaces.

    `kinds` are the kinds of all tokens of the answer.
    """
    if not tokens:
        return []
    has_words = "word" in kinds and any(token.kind == "word" for token in tokens)
    if has_words or (tokens[0].kind == "run" and len(tokens) == 1):
        value = parse_worded_number(tokens)
        return [value if value is not None else _join_words(tokens)]
    try:
        parser = AnswerParser(tokens)
        items = [parser.parse_item()]
        while parser.current.kind != "stop":
            token = parser.current
            if not token.spaced or (token.kind not in ("num", "open", "frac") and token.text != "-"):
                raise UnreadableAnswer
            items.append(parser.parse_item())
        return items
    except UnreadableAnswer:
        return [_join_words(tokens)]


def _join_words(tokens: list[Token]) -> Value:
    return parse_words(" ".join(token.text for token in tokens))


def _alternatives(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, AnswerList) and value.separator == "or" else (value,)


def _with_grouped_digits(tokens: list[Token], value: Value) -> Value:
    """Returns `value`, or both readings of `12,345`, which may be two numbers."""
    if isinstance(value, Num) and len(tokens) == 1 and "," in tokens[0].text:
        parts = tuple(parse_number(part) for part in tokens[0].text.split(","))
        return AmbiguousNumber(value, AnswerList(parts, ","))
    return value


def _with_spaced_digits(tokens: list[Token], answers: AnswerList) -> Value:
    """Returns the list, or both readings of `12 345`, which may be one number, and `2^3 3^2`, perhaps a product."""
    head, *tail = tokens
    grouped = all(token.kind == "num" and token.text.isdecimal() for token in tokens)
    if grouped and len(head.text) <= 3 and all(len(token.text) == 3 for token in tail):
        return AmbiguousNumber(parse_number("".join(token.text for token in tokens)), answers)
    if any(token.text == "^" for token in tokens) and all(isinstance(item, Num) for item in answers.items):
        return AmbiguousNumber(make_product([item for item in answers.items if isinstance(item, Num)]), answers)
    return answers


# Times of day and dates, which look like ratios, quotients and differences


_TIME_OR_DATE = re.compile(
    r"\$?(?:(?P<time>\d{1,2}:\d\d)\s*(?:\\text\s*\{\s*|\$\s*)?(?P<half>[AaPp])\.?\s?[Mm]\.?\s*\}?"
    r"|\d{4}([-/])\d{1,2}\3\d{1,2}|\d{1,2}/\d{1,2}/\d{4})\$?",
    re.ASCII,
)


def parse_time(text: str) -> TimeOfDay | Text | None:
    """Returns `3:45 p.m.` as a time of day and `2024-05-01` as words; None for anything else."""
    match = _TIME_OR_DATE.fullmatch(text)
    if match is None:
        return None
    return TimeOfDay(match["time"], match["half"].lower()) if match["time"] else parse_text(text)
