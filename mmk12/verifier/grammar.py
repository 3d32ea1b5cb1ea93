"""The outer half of the grammar: from the text of an answer to a value.

An answer is one item or several (`listing`); an item is a relation, a ratio, a bracketed frame, an expression,
or words. What does not parse is words: this never fails, and never guesses.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from mmk12.verifier.chars import plain
from mmk12.verifier.doubles import doubled
from mmk12.verifier.items import Items
from mmk12.verifier.lexemes import Token
from mmk12.verifier.lexer import Unreadable, tokens
from mmk12.verifier.moments import moment
from mmk12.verifier.nouns import beside_words
from mmk12.verifier.numerals import WHOLE, number
from mmk12.verifier.phrases import MAX_CHARS, spoken, text_value
from mmk12.verifier.values import DEGREE, Expr, Grouped, Listing, Num, Sym, Value, div, mul, neg
from mmk12.verifier.words import names

_SIMPLE = re.compile(
    r"\$*(?:(-?)(?:(\d{1,18}(?:\.\d{1,18}|))(\^\\circ|\^\{\\circ\}|°|)|\\[dt]?frac\{(\d{1,18})\}\{(\d{1,18})\})|([A-Z]))\$*",
    re.ASCII,
)

MAX_NOUNS = 3
"""More words than this between two separators make a sentence."""


def simple(text: str) -> Expr | None:
    """A number, a fraction of whole numbers, an angle in degrees or a capital: most answers, which need no lexer.

    What the grammar proper makes of them, and None for anything else.
    """
    whole = WHOLE.get(text)
    if whole is not None:
        return whole
    match = _SIMPLE.fullmatch(text)
    if match is None:
        return None
    minus, numeral, degrees, over, under, capital = match.groups()
    if capital:
        return Sym(capital)
    value: Expr = number(numeral) if numeral else div(number(over), number(under))
    if degrees:
        value = mul([value, DEGREE])
    return neg(value) if minus else value


@lru_cache(maxsize=8192)
def _parse(text: str) -> Value:
    lone = simple(text)
    if lone is not None:
        return lone
    spelt = plain(text)
    if len(spelt) > MAX_CHARS:
        return text_value(spelt)
    found = moment(spelt) if ":" in spelt or spelt[:4].isdigit() or "/" in spelt[1:3] else None
    if found is not None:
        return found
    try:
        return _listing(tokens(spelt), spelt)
    except Unreadable:
        return text_value(spelt)


def parse(text: str) -> Value:
    """The value that `text` writes; `Text` if it is not in the language of answers. Never raises."""
    return _parse(text.strip()) if len(text) <= MAX_CHARS else text_value(plain(text[: 2 * MAX_CHARS]))


def _split(items: list[Token]) -> tuple[list[list[Token]], list[str]]:
    """The token runs between top-level separators, and those separators."""
    chunks: list[list[Token]] = [[]]
    marks: list[str] = []
    depth = 0
    for token in items:
        kind = token.kind
        if kind in _OPENING:
            depth += 1
        elif kind in _CLOSING:
            depth -= 1
        if kind == "sep" and depth <= 0:
            if chunks[-1]:
                chunks.append([])
                marks.append(token.text)
            elif marks:
                # ", and" or ",\n": the stronger mark counts.
                marks[-1] = max(marks[-1], token.text, key=_STRENGTH.index)
        else:
            chunks[-1].append(token)
    if len(chunks) > 1 and not chunks[-1]:
        chunks.pop()
        marks.pop()
    return chunks, marks


_OPENING = names("open { set begin floor")
_CLOSING = names("close } tes end")
_SEPARATE = frozenset(("$", "\n", ";"))
_STRENGTH = [",", "$", "\n", ";", "or"]
_LEADS = frozenset(".:")
_ENDS = frozenset(".?!:")


def _strip(items: list[Token]) -> list[Token]:
    """Without the punctuation that ends a sentence."""
    start, end = 0, len(items)
    if not items or (items[-1].text not in _ENDS and items[0].text not in _LEADS):
        return items
    while end and items[end - 1].text in _ENDS and not _factorial(items, end - 1):
        end -= 1
    while start < end and items[start].text in _LEADS:
        start += 1
    return items[start:end]


def _factorial(items: list[Token], at: int) -> bool:
    return items[at].text == "!" and at > 0 and not items[at].spaced and items[at - 1].kind != "word"


def _listing(items: list[Token], source: str) -> Value:
    items = _strip(items)
    if not items:
        raise Unreadable
    kinds = {token.kind for token in items}
    if "word" in kinds:
        items = _products(items)
    chunks, marks = _split(items) if "sep" in kinds else ([items], [])
    if "word" in kinds and any(sum(token.kind == "word" for token in chunk) > MAX_NOUNS for chunk in chunks):
        return spoken(source)
    nested = "or" in marks and not _SEPARATE.isdisjoint(marks)
    values: list[Value] = []
    soft = False
    # The plain searches spare most answers the look at each token.
    doubles = ("pm" in source or "mp" in source) and any(token.text in ("pm", "mp") for token in items)
    for mark, chunk in zip(["", *marks], chunks, strict=True):
        found = _chunk(_strip(chunk) if marks else chunk, kinds)
        if doubles:
            found = [part for value in found for part in doubled(value)]
        soft |= len(found) > 1 and all(token.text != "pm" for token in chunk)
        if nested and mark == "or" and found and values:
            # A blank of its own may hold alternatives: "2; x < 0 or x > 1".
            found[0] = Listing((*_alternatives(values.pop()), found[0]), "or")
        values.extend(found)
    if not values:
        raise Unreadable
    if len(values) == 1:
        return _grouped(items, values[0])
    joint: Literal["or", "blanks", "space", ","] = ","
    if not _SEPARATE.isdisjoint(marks):
        joint = "blanks"
    elif "or" in marks:
        joint = "or"
    elif soft:
        joint = "space"
    listing = Listing(tuple(values), joint)
    return _spaced(chunks[0], listing) if joint == "space" and not marks else listing


def _products(items: list[Token]) -> list[Token]:
    """The tokens, where short words glued to mathematics are products: `\\frac{1}{2}at^2`."""
    found = []
    for index, token in enumerate(items):
        before, after = items[index - 1] if index else None, items[index + 1] if index + 1 < len(items) else None
        glued = (after is not None and after.text in ("^", "_")) or (
            before is not None and not token.spaced and before.kind in ("num", "{", "}")
        )
        short = token.kind == "word" and len(token.text) < 4 and token.text.isascii() and token.text.islower()
        found.append(Token("run", token.text, token.spaced) if short and glued and token.text != "in" else token)
    return found


def _alternatives(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, Listing) and value.joint == "or" else (value,)


def _grouped(items: list[Token], value: Value) -> Value:
    """`12,345` may be two numbers."""
    if isinstance(value, Num) and len(items) == 1 and "," in items[0].text:
        parts = tuple(number(part) for part in items[0].text.split(","))
        return Grouped(value, Listing(parts, ","))
    return value


def _spaced(items: list[Token], listing: Listing) -> Value:
    """`12 345` may be one number, and `2^3 3^2` a product."""
    head, *tail = items
    if head.kind == "num" and len(head.text) <= 3 and all(t.kind == "num" and len(t.text) == 3 for t in tail):
        return Grouped(number("".join(token.text for token in items)), listing)
    if any(token.text == "^" for token in items) and all(isinstance(item, Num) for item in listing.items):
        return Grouped(mul([item for item in listing.items if isinstance(item, Num)]), listing)
    return listing


def _chunk(items: list[Token], kinds: set[str]) -> list[Value]:
    """The items of one run without separators; more than one where numbers are set apart by spaces.

    `kinds` are those of all runs.
    """
    if not items:
        return []
    wordy = "word" in kinds and any(token.kind == "word" for token in items)
    if wordy or (items[0].kind == "run" and len(items) == 1):
        counted = beside_words(items)
        return [counted if counted is not None else _words(items)]
    try:
        cursor = Items(items)
        found = [cursor.item()]
        while cursor.now.kind != "stop":
            if not cursor.now.spaced or (cursor.now.kind not in ("num", "open", "frac") and cursor.now.text != "-"):
                raise Unreadable
            found.append(cursor.item())
        return found
    except Unreadable:
        return [_words(items)]


def _words(items: list[Token]) -> Value:
    return spoken(" ".join(token.text for token in items))
