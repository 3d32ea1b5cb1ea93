"""Answers in words, and numbers with words beside them: `360 sets`, `7 million`, `about 5`, `3 to 2`."""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from mmk12.verifier.expression_parser import ExpressionParser
from mmk12.verifier.lexer import Token, UnreadableAnswer
from mmk12.verifier.nodes import Call, Expr, Num, Ratio, Relation, Sym, Text, Unit, Value, make_product
from mmk12.verifier.numerals import parse_number
from mmk12.verifier.vocabulary import CONTENT_COMMANDS, split_names

MAX_CHARS = 4000
"""Longer texts are not parsed: their first characters, as many as this, are compared as words."""

# Numbers with words beside them: `360 sets`, `7 million`, `about 5`, `3 to 2`


_NEVER_NOUNS = split_names(
    "not no is if but so be by wrong false incorrect never nor maybe perhaps none else the "
    "dozen dozens score gross squared cubed factorial half halves third thirds quarter quarters fifths tenths "
    "double doubled triple tripled twice times more less fewer plus minus over under squares cubes roots root power "
    "trillion quadrillion 倍 分之 打"
)
"""Words behind a number that deny it or make another number of it."""
_ALTOGETHER = split_names("共 共有 一共 有 为 是")
_ABOUT = split_names("about approximately roughly around nearly 约 大约")
_MULTIPLES = {
    word: Num(Fraction(10**zeros))
    for zeros, words in {2: "hundred", 3: "thousand 千", 4: "万", 6: "million", 8: "亿", 9: "billion"}.items()
    for word in words.split()
}


def parse_worded_number(tokens: list[Token]) -> Value | None:
    """Returns the number that tokens with words among them write; None where the words say more than a number does."""
    head, *rest = tokens
    if rest and head.kind == "word" and head.text.lower() in _ABOUT | _ALTOGETHER:
        inner = parse_worded_number(rest) if any(token.kind == "word" for token in rest) else _parse_whole_sum(rest)
        if inner is None or isinstance(inner, Relation) or head.text in _ALTOGETHER:
            return inner
        return Relation((None, inner), ("≈",))
    if [token.kind for token in tokens] == ["num", "word", "num"] and tokens[1].text == "to":
        left, right = tokens[0].text, tokens[2].text
        return Ratio((parse_number(left), parse_number(right)), f"{left}:{right}")
    return _parse_counted_nouns(tokens)


def _parse_counted_nouns(tokens: list[Token]) -> Value | None:
    """Returns a number of things (`360 sets`, `6 red balls`) or a multiple (`7 million`); None for anything else."""
    tail = len(tokens)
    while tail and tokens[tail - 1].kind == "word" and tokens[tail - 1].text.isalpha():
        tail -= 1
    nouns = [token.text.lower() for token in tokens[tail:]]
    if nouns and nouns[0] in _MULTIPLES:
        count = _parse_whole_sum(tokens[:tail]) if tail else None
        if count is None:
            return None
        value = make_product([count, _MULTIPLES[nouns[0]]])
        return value if len(nouns) == 1 else make_product([value, _make_noun(nouns[-1])])
    if not 1 <= len(nouns) <= 2 or not tail or _NEVER_NOUNS.intersection(nouns):
        return None
    count = _parse_whole_sum(tokens[:tail])
    return Call("*", (count, _make_noun(nouns[-1]))) if isinstance(count, Num) else None


def _make_noun(word: str) -> Unit:
    return Unit(word.removesuffix("s"), known=False)


def _parse_whole_sum(tokens: list[Token]) -> Expr | None:
    """Returns the sum that all tokens write, or None."""
    parser = ExpressionParser(tokens)
    try:
        value = parser.parse_sum()
    except UnreadableAnswer:
        return None
    return value if parser.current.kind == "stop" else None


# Words as an answer: compared without case, punctuation and articles


_FORMATTING = re.compile(rf"\\(?:{'|'.join(sorted(CONTENT_COMMANDS))}|quad|left|right)\b")
_PUNCTUATION = re.compile(r"[^\w\s<>=≤≥≠+\-*/^√π°%.:'∠△∪∩∈→]+")
_POINTS = re.compile(r"\.(?:(?<!\d\.)|(?!\d))|'(?:(?<!\w')|(?!\w))")
"""Points that are not decimal points, and apostrophes that are not inside a word."""
_DEGREES = re.compile(r"\s*\^\s*\{?\s*\\circ\s*\}?|(?<=\d)\s*度")
_LABEL_SIGN = re.compile(r"(?<=[^\W\d_])\s*(?:[:：=为是])\s*(?=[-(（\d])")
"""What joins a label to its value: `最大值为5`, `radius: 3`."""
_BESIDE_CHINESE = re.compile(r"(?<=[\u4e00-\u9fff])\s+(?=[\w°])|(?<=[\w°])\s+(?=[\u4e00-\u9fff])|(?<=\d)\s+(?=°)")
_ARTICLES = frozenset(("a", "an", "the"))
_NAMED_SETS = {
    **dict.fromkeys(("empty set", "no solution", "no solutions", "no real solution", "空集", "无解"), Sym("∅")),
    **dict.fromkeys(("all real numbers", "set of all real numbers", "全体实数", "实数集"), Sym("ℝ")),
}


def parse_words(text: str) -> Text | Sym:
    """Returns `text` as words, or the set that these words name."""
    value = parse_text(text)
    return _NAMED_SETS.get(" ".join(value.words), value)


_SIGNIFICANT = frozenset(("Sm", "So", "Sc", "Co", "Cn", "Cs"))
"""Categories of signs that count as themselves: mathematics, symbols, currencies, characters that nobody knows."""


def _keep_signs(punctuation: re.Match[str]) -> str:
    """Returns a blank, with the mathematical and other signs in it as words: `p∧q` is not `p∨q`."""
    signs = [char for char in punctuation[0] if not char.isascii() and unicodedata.category(char) in _SIGNIFICANT]
    return f" {' '.join(signs)} " if signs else " "


def parse_text(text: str) -> Text:
    """Returns `text` as words: lower case, no punctuation, no articles; at most `MAX_CHARS` characters of it."""
    bare = _FORMATTING.sub(" ", text[:MAX_CHARS]) if "\\" in text else text[:MAX_CHARS]
    if "circ" in bare or "度" in bare:
        bare = _DEGREES.sub("°", bare)
    spaced = bare
    if not bare.replace(" ", "").isalnum():
        spaced = _PUNCTUATION.sub(_keep_signs, bare)
        if "." in spaced or "'" in spaced:
            spaced = _POINTS.sub(" ", spaced)
    if not spaced.isascii() or ":" in spaced or "=" in spaced:
        spaced = _BESIDE_CHINESE.sub("", _LABEL_SIGN.sub(" ", spaced))
    words = spaced.lower().split()
    content_words = tuple([word for word in words if word not in _ARTICLES])
    return Text(content_words or tuple(words), bare.strip().strip("$").strip())
