"""The outer half of the grammar: from the text of an answer to a value.

An answer is one item or several (`listing`); an item is a relation, a ratio, a bracketed frame, an expression,
or words. What does not parse is words: this never fails, and never guesses.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from math import gcd
from typing import Literal

from mmk12.verifier.expression_parser import WHOLE, PrimaryGrammar, parse_number
from mmk12.verifier.lexer import Token, UnreadableAnswer, tokenize
from mmk12.verifier.nodes import (
    DEGREE,
    ONE,
    AmbiguousNumber,
    AnswerList,
    Bracketed,
    Call,
    Const,
    Difference,
    Expr,
    Matrix,
    Num,
    Ratio,
    Relation,
    Sym,
    Text,
    TimeOfDay,
    Union,
    Unit,
    Value,
    is_expr,
    make_negative,
    make_product,
    make_quotient,
    make_sum,
    rebuild,
)
from mmk12.verifier.unicode import to_plain
from mmk12.verifier.vocabulary import CONTENT_COMMANDS, split_names

# `1 ± x` is two answers.


def expand_plus_minus(value: Value) -> list[Value]:
    """`1 ± x` is two answers."""
    if isinstance(value, Relation) and len(value.members) == 2 and value.ops == ("=",):
        left, right = value.members
        if right is not None and is_expr(right):
            return [Relation((left, side), ("=",)) for side in expand_plus_minus(right)]
    if not is_expr(value) or not _has_plus_minus(value):
        return [value]
    return [_choose(value, 1), _choose(value, -1)]


def _has_plus_minus(value: Value) -> bool:
    return isinstance(value, Call) and (value.op in ("pm", "mp") or any(_has_plus_minus(arg) for arg in value.args))


def _choose(value: Value, way: int) -> Expr:
    assert isinstance(value, Num | Sym | Const | Unit | Call)
    if not isinstance(value, Call):
        return value
    args = [_choose(arg, way) for arg in value.args]
    if value.op in ("pm", "mp"):
        return args[0] if (value.op == "pm") == (way > 0) else make_negative(args[0])
    return rebuild(value.op, args)


# Sums, products and multiples of matrices, worked out while they are read: an answer may leave them to do.


MAX_SIDE = 8

Entries = list[list[Expr]]


def _entries(matrix: Matrix) -> Entries:
    """The entries as rows of equal length. Raises `Unreadable` where no arithmetic is possible."""
    rows: Entries = []
    for row in matrix.rows:
        rows.append([_expression(entry) for entry in row])
    if len(rows) > MAX_SIDE or len(rows[0]) > MAX_SIDE or any(len(row) != len(rows[0]) for row in rows):
        raise UnreadableAnswer
    return rows


def _expression(entry: Value) -> Expr:
    if not is_expr(entry):
        raise UnreadableAnswer
    return entry


def _matrix(rows: Entries) -> Matrix:
    return Matrix(tuple(map(tuple, rows)))


def scale_matrix(matrix: Matrix, factor: Expr) -> Matrix:
    """`factor · matrix`, entry by entry."""
    return _matrix([[make_product([factor, entry]) for entry in row] for row in _entries(matrix)])


def add_matrices(left: Matrix, right: Matrix) -> Matrix:
    """The sum of two matrices of the same shape."""
    ours, theirs = _entries(left), _entries(right)
    if len(ours) != len(theirs) or len(ours[0]) != len(theirs[0]):
        raise UnreadableAnswer
    return _matrix([[make_sum([a, b]) for a, b in zip(*rows, strict=True)] for rows in zip(ours, theirs, strict=True)])


def multiply_matrices(left: Matrix, right: Matrix) -> Matrix:
    """The matrix product."""
    ours, theirs = _entries(left), _entries(right)
    if len(ours[0]) != len(theirs):
        raise UnreadableAnswer
    columns = list(zip(*theirs, strict=True))
    return _matrix(
        [
            [make_sum([make_product([a, b]) for a, b in zip(row, column, strict=True)]) for column in columns]
            for row in ours
        ]
    )


# Times of day and dates, which look like ratios, quotients and differences and are none.


_MOMENT = re.compile(
    r"\$?(?:(?P<time>\d{1,2}:\d\d)\s*(?:\\text\s*\{\s*|\$\s*)?(?P<half>[AaPp])\.?\s?[Mm]\.?\s*\}?"
    r"|\d{4}([-/])\d{1,2}\3\d{1,2}|\d{1,2}/\d{1,2}/\d{4})\$?",
    re.ASCII,
)


def parse_time(text: str) -> TimeOfDay | Text | None:
    """`3:45 p.m.` as a time of day, `2024-05-01` as words; None for anything else."""
    match = _MOMENT.fullmatch(text)
    if match is None:
        return None
    return TimeOfDay(match["time"], match["half"].lower()) if match["time"] else parse_text(text)


def is_time_of_day(ratio: Ratio) -> bool:
    """Whether this is a time of day: ratios are given in lowest terms and without leading zeros, as `8:40` is not."""
    parts = ratio.literal.split(":")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts) or len(parts[1]) != 2:
        return False
    hours, minutes = map(int, parts)
    return hours < 25 and minutes < 60 and (parts[1][0] == "0" or gcd(hours, minutes) > 1)


def same_time_of_day(gold: TimeOfDay | Ratio, answer: TimeOfDay | Ratio) -> bool:
    """Whether both may be the same minute of the day; `3:45` is either half's, unless the other says which."""
    if isinstance(gold, Ratio) and isinstance(answer, Ratio):
        return gold.literal.lstrip("0") == answer.literal.lstrip("0")
    return bool(_minutes(gold) & _minutes(answer))


def _minutes(time: TimeOfDay | Ratio) -> set[int]:
    hours, minutes = (int(part) if part.isascii() and part.isdigit() else 99 for part in time.literal.split(":")[:2])
    if hours > 24 or minutes > 59:
        return set()
    half = time.half if isinstance(time, TimeOfDay) else "ap" if 0 < hours < 13 else ""
    return {(hours % 12 + 12 * (part == "p")) * 60 + minutes for part in half} or {hours * 60 + minutes}


# Words beside numbers that leave them numbers: `360 sets`, `7 million`, `about 5`, `3 to 2`.


_NEVER_NOUNS = split_names("not no is if but so be by wrong false incorrect never nor maybe perhaps none else the")
_IN_ALL = split_names("共 共有 一共 有 为 是")
_MULTIPLES = {
    word: Num(Fraction(10**zeros))
    for zeros, words in {2: "hundred", 3: "thousand 千", 4: "万", 6: "million", 8: "亿", 9: "billion"}.items()
    for word in words.split()
}
_ABOUT = split_names("about approximately roughly around nearly 约 大约")


def strip_counted_nouns(items: list[Token]) -> Value | None:
    """The value of tokens with words among them; None where the words say more than a number does."""
    head, *rest = items
    if rest and head.kind == "word" and head.text.lower() in _ABOUT | _IN_ALL:
        inner = strip_counted_nouns(rest) if any(token.kind == "word" for token in rest) else _sum(rest)
        if inner is None or isinstance(inner, Relation) or head.text in _IN_ALL:
            return inner
        return Relation((None, inner), ("≈",))
    if [token.kind for token in items] == ["num", "word", "num"] and items[1].text == "to":
        return Ratio((parse_number(items[0].text), parse_number(items[2].text)), f"{items[0].text}:{items[2].text}")
    return _counted(items)


def _sum(items: list[Token]) -> Expr | None:
    try:
        cursor = PrimaryGrammar(items)
        found = cursor.sum()
    except UnreadableAnswer:
        return None
    return found if cursor.now.kind == "stop" else None


def _counted(items: list[Token]) -> Value | None:
    """A number of things: `360 sets`, `6 red balls`."""
    tail = len(items)
    while tail and items[tail - 1].kind == "word" and items[tail - 1].text.isalpha():
        tail -= 1
    nouns = [token.text.lower() for token in items[tail:]]
    if nouns and nouns[0] in _MULTIPLES:
        count = _sum(items[:tail]) if tail else None
        value = make_product([count, _MULTIPLES[nouns[0]]]) if count is not None else None
        return (
            value
            if value is None or len(nouns) == 1
            else make_product([value, Unit(nouns[-1].removesuffix("s"), known=False)])
        )
    if not 1 <= len(nouns) <= 2 or not tail or _NEVER_NOUNS.intersection(nouns):
        return None
    count = _sum(items[:tail])
    if not isinstance(count, Num):
        return None
    return Call("*", (count, Unit(nouns[-1].removesuffix("s"), known=False)))


# Words as an answer: compared without case, punctuation and articles.


MAX_CHARS = 4000
"""What is longer is cut."""

_DRESSING = re.compile(rf"\\(?:{'|'.join(sorted(CONTENT_COMMANDS))}|quad|left|right)\b")
_MARKS = re.compile(r"[^\w\s<>=≤≥≠+\-*/^√π°%.:'∠△∪∩∈→]+")
_POINTS = re.compile(r"\.(?:(?<!\d\.)|(?!\d))|'(?:(?<!\w')|(?!\w))")
"""What is no decimal point and no apostrophe inside a word."""
_ARTICLES = frozenset(("a", "an", "the"))


def parse_text(text: str) -> Text:
    """`text` as words: lower case, no punctuation, no articles."""
    bare = _DRESSING.sub(" ", text[:MAX_CHARS]) if "\\" in text else text[:MAX_CHARS]
    spaced = bare
    if not bare.replace(" ", "").isalnum():
        spaced = _MARKS.sub(" ", bare)
        if "." in spaced or "'" in spaced:
            spaced = _POINTS.sub(" ", spaced)
    words = spaced.lower().split()
    kept = tuple([word for word in words if word not in _ARTICLES])
    return Text(kept or tuple(words), bare.strip().strip("$").strip())


_SETS = {
    **dict.fromkeys(("empty set", "no solution", "no solutions", "no real solution", "空集", "无解"), Sym("∅")),
    **dict.fromkeys(("all real numbers", "set of all real numbers", "全体实数", "实数集"), Sym("ℝ")),
}


def spoken_text(text: str) -> Text | Sym:
    """`text` as words, or as the set that these words name."""
    value = parse_text(text)
    return _SETS.get(" ".join(value.words), value)


# Items: what stands between two separators, everything looser than a sum.


_FRAMES = split_names("begin open { set sym")
_MATRICES = split_names("matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array")


class AnswerElements(PrimaryGrammar):
    """Items: everything looser than a sum."""

    __slots__ = ()

    def item(self) -> Value:
        """side? (relation side)*"""
        first = None if self.now.kind == "rel" else self.side()
        if first is not None and self.now.kind != "rel":
            return first
        members = [first]
        ops: list[str] = []
        while self.now.kind == "rel":
            ops.append(self.step().text)
            members.append(None if self.now.kind in ("rel", "stop", "sep") else self.side())
        if len(members) > 12:
            raise UnreadableAnswer
        return Relation(tuple(members), tuple(ops))

    def side(self) -> Value:
        """part (∪ part)* or a ratio"""
        first = self.part()
        if self.now.kind == "cup":
            parts = [first]
            op = self.now.text
            while self.now.kind == "cup" and self.now.text == op:
                self.step()
                parts.append(self.part())
            if op == "∖" and len(parts) == 2:
                return Difference(*parts)
            if op == "∪" and all(isinstance(part, Bracketed) for part in parts):
                return Union(tuple(parts))
            sets = sorted(part.name for part in parts if isinstance(part, Sym))
            if len(sets) == len(parts):
                # Sets by name have no value; sorted, they are equal in any order.
                return Call(op, tuple(map(Sym, sets)))
            raise UnreadableAnswer
        if self.now.text == ":" and is_expr(first):
            start = self.at - 1
            terms: list[Expr] = [first]
            while self.now.text == ":":
                self.step()
                terms.append(self.sum())
            written = "".join(token.text for token in self.items[max(0, start) : self.at])
            return Ratio(tuple(terms), written)
        return first

    def part(self) -> Value:
        """A frame if one stands here, else a sum."""
        kind = self.now.kind
        if kind not in _FRAMES:
            return self.expression()
        if kind == "begin" or (kind == "open" and self.ahead().kind == "begin"):
            found = self.matrix()
            return self.matrices(found) if isinstance(found, Matrix) else found
        if kind == "set" or (kind == "{" and self.builds()):
            return self.braces()
        if kind in ("open", "{") and self.framed():
            return self.frame()
        if kind == "sym" and self.ahead().kind == "open" and not self.ahead().spaced:
            # A named point: A(1, 2).
            name = self.step()
            if name.text.isupper() and self.framed():
                return self.frame()
            self.at -= 2
            self.step()
        return self.expression()

    def expression(self) -> Value:
        """A sum, or a multiple of a matrix."""
        found = self.sum()
        if self.now.kind != "begin":
            return found
        matrix = self.matrix()
        if not isinstance(matrix, Matrix):
            raise UnreadableAnswer
        return self.matrices(scale_matrix(matrix, found))

    def matrix(self) -> Value:
        """An environment, in brackets of its own or without."""
        bracketed = self.now.kind == "open"
        if bracketed:
            self.step()
        inner = self.environment()
        if bracketed:
            self.expect("close")
        return inner

    def matrices(self, total: Matrix) -> Value:
        """The matrix that has been read, times and plus those that follow it."""
        waiting: Matrix | None = None
        while True:
            if self.now.kind == "begin" or (self.now.text == "*" and self.ahead().kind == "begin"):
                if self.now.text == "*":
                    self.step()
                right = self.matrix()
                if not isinstance(right, Matrix):
                    raise UnreadableAnswer
                total = multiply_matrices(total, right)
                continue
            total, waiting = (add_matrices(waiting, total), None) if waiting is not None else (total, None)
            if self.now.kind != "char" or self.now.text not in ("+", "-"):
                return total
            sign = self.step().text
            factor = ONE if self.now.kind == "begin" else self.term()
            following = self.matrix()
            if not isinstance(following, Matrix):
                raise UnreadableAnswer
            waiting, total = total, scale_matrix(following, make_negative(factor) if sign == "-" else factor)

    def builds(self) -> bool:
        """Whether set-builder notation opens here: `{x | …`."""
        return self.ahead().kind == "sym" and (self.ahead(2).kind == "bar" or self.ahead(2).text == ":")

    def framed(self) -> bool:
        """Whether the bracket here holds a top-level comma."""
        level, comma = 0, False
        for index in range(self.at, len(self.items)):
            kind = self.items[index].kind
            if kind in ("open", "{", "set"):
                level += 1
            elif kind in ("close", "}", "tes"):
                level -= 1
                if level == 0:
                    return comma
            elif kind == "sep" and level == 1:
                comma = True
        return False

    def frame(self) -> Bracketed:
        self.deeper()
        opening = self.step()
        entries: list[Value] = [self.item()]
        while self.now.kind == "sep":
            self.step()
            entries.append(self.item())
        closing = self.step()
        if closing.kind not in ("close", "}"):
            raise UnreadableAnswer
        self.depth -= 1
        return Bracketed(opening.text, tuple(entries), closing.text)

    def braces(self) -> Value:
        """`\\{1, 2\\}` or `\\{x \\mid x > 1\\}`."""
        self.deeper()
        self.step()
        if self.now.kind == "begin":
            # \left\{ \begin{array} … \end{array} \right. is a system of equations.
            system = self.environment()
            if self.now.kind == "tes" or self.now.text == ".":
                self.step()
            self.depth -= 1
            rows = system.rows if isinstance(system, Matrix) else ()
            return Bracketed("{", tuple(entry for row in rows for entry in row), "}") if rows else system
        if self.now.kind == "tes":
            self.step()
            return Sym("∅")
        if self.now.kind == "sym" and self.ahead().text == "∈" and self.ahead(2).text in ("ℝ", "R"):
            # {x ∈ ℝ | …
            self.items = [*self.items[: self.at + 1], *self.items[self.at + 3 :]]
        builder = self.now.kind == "sym" and (self.ahead().kind == "bar" or self.ahead().text == ":")
        if builder:
            self.bound(self.step().text)
            self.step()
        entries: list[Value] = [self.item()]
        marks: list[str] = []
        while self.now.kind == "sep":
            marks.append(self.step().text)
            entries.append(self.item())
        if self.step().kind not in ("tes", "}"):
            raise UnreadableAnswer
        self.depth -= 1
        if not builder:
            return Bracketed("{", tuple(entries), "}")
        return AnswerList(tuple(entries), "or" if "or" in marks else ",") if marks else entries[0]

    def bound(self, name: str) -> None:
        """Names the variable of set-builder notation `x`, as it may have any name."""
        if not any(token.text == "x" for token in self.items):
            renamed = [Token("sym", "x", t.spaced) if (t.kind, t.text) == ("sym", name) else t for t in self.items]
            self.items, self.now = renamed, renamed[self.at]

    def environment(self) -> Value:
        name = self.step().text
        self.deeper()
        if name == "array" and self.now.kind == "{":
            self.group()
        rows: list[tuple[Value, ...]] = []
        row: list[Value] = []
        while self.now.kind != "end":
            if self.now.kind == "row" or self.now.text == "&" or self.now.kind == "sep":
                if self.step().kind == "row" and row:
                    rows.append(tuple(row))
                    row = []
                continue
            row.append(self.item())
        if self.step().text != name:
            raise UnreadableAnswer
        if row:
            rows.append(tuple(row))
        self.depth -= 1
        if name == "cases":
            return Bracketed("{", tuple(entry for entries in rows for entry in entries), "}")
        if name not in _MATRICES or not rows:
            raise UnreadableAnswer
        return Matrix(tuple(rows))


_SIMPLE = re.compile(
    r"\$*(?:(-?)(?:(\d{1,18}(?:\.\d{1,18}|))(\^\\circ|\^\{\\circ\}|°|)|\\[dt]?frac\{(\d{1,18})\}\{(\d{1,18})\})|([A-Z]))\$*",
    re.ASCII,
)

MAX_NOUNS = 3
"""More words than this between two separators make a sentence."""


def parse_simple(text: str) -> Expr | None:
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
    value: Expr = parse_number(numeral) if numeral else make_quotient(parse_number(over), parse_number(under))
    if degrees:
        value = make_product([value, DEGREE])
    return make_negative(value) if minus else value


@lru_cache(maxsize=8192)
def _parse(text: str) -> Value:
    lone = parse_simple(text)
    if lone is not None:
        return lone
    spelt = to_plain(text)
    if len(spelt) > MAX_CHARS:
        return parse_text(spelt)
    found = parse_time(spelt) if ":" in spelt or spelt[:4].isdigit() or "/" in spelt[1:3] else None
    if found is not None:
        return found
    try:
        return _parse_list(tokenize(spelt), spelt)
    except UnreadableAnswer:
        return parse_text(spelt)


def parse(text: str) -> Value:
    """The value that `text` writes; `Text` if it is not in the language of answers. Never raises."""
    return _parse(text.strip()) if len(text) <= MAX_CHARS else parse_text(to_plain(text[: 2 * MAX_CHARS]))


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


_OPENING = split_names("open { set begin floor")
_CLOSING = split_names("close } tes end")
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


def _parse_list(items: list[Token], source: str) -> Value:
    items = _strip(items)
    if not items:
        raise UnreadableAnswer
    kinds = {token.kind for token in items}
    if "word" in kinds:
        items = _parse_products(items)
    chunks, marks = _split(items) if "sep" in kinds else ([items], [])
    if "word" in kinds and any(sum(token.kind == "word" for token in chunk) > MAX_NOUNS for chunk in chunks):
        return spoken_text(source)
    nested = "or" in marks and not _SEPARATE.isdisjoint(marks)
    values: list[Value] = []
    soft = False
    # The plain searches spare most answers the look at each token.
    doubles = ("pm" in source or "mp" in source) and any(token.text in ("pm", "mp") for token in items)
    for mark, chunk in zip(["", *marks], chunks, strict=True):
        found = _chunk(_strip(chunk) if marks else chunk, kinds)
        if doubles:
            found = [part for value in found for part in expand_plus_minus(value)]
        soft |= len(found) > 1 and all(token.text != "pm" for token in chunk)
        if nested and mark == "or" and found and values:
            # A blank of its own may hold alternatives: "2; x < 0 or x > 1".
            found[0] = AnswerList((*_parse_alternatives(values.pop()), found[0]), "or")
        values.extend(found)
    if not values:
        raise UnreadableAnswer
    if len(values) == 1:
        return _parse_grouped(items, values[0])
    joint: Literal["or", "blanks", "space", ","] = ","
    if not _SEPARATE.isdisjoint(marks):
        joint = "blanks"
    elif "or" in marks:
        joint = "or"
    elif soft:
        joint = "space"
    listing = AnswerList(tuple(values), joint)
    return _parse_spaced(chunks[0], listing) if joint == "space" and not marks else listing


def _parse_products(items: list[Token]) -> list[Token]:
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


def _parse_alternatives(value: Value) -> tuple[Value, ...]:
    return value.items if isinstance(value, AnswerList) and value.joint == "or" else (value,)


def _parse_grouped(items: list[Token], value: Value) -> Value:
    """`12,345` may be two numbers."""
    if isinstance(value, Num) and len(items) == 1 and "," in items[0].text:
        parts = tuple(parse_number(part) for part in items[0].text.split(","))
        return AmbiguousNumber(value, AnswerList(parts, ","))
    return value


def _parse_spaced(items: list[Token], listing: AnswerList) -> Value:
    """`12 345` may be one number, and `2^3 3^2` a product."""
    head, *tail = items
    if head.kind == "num" and len(head.text) <= 3 and all(t.kind == "num" and len(t.text) == 3 for t in tail):
        return AmbiguousNumber(parse_number("".join(token.text for token in items)), listing)
    if any(token.text == "^" for token in items) and all(isinstance(item, Num) for item in listing.items):
        return AmbiguousNumber(make_product([item for item in listing.items if isinstance(item, Num)]), listing)
    return listing


def _chunk(items: list[Token], kinds: set[str]) -> list[Value]:
    """The items of one run without separators; more than one where numbers are set apart by spaces.

    `kinds` are those of all runs.
    """
    if not items:
        return []
    wordy = "word" in kinds and any(token.kind == "word" for token in items)
    if wordy or (items[0].kind == "run" and len(items) == 1):
        counted = strip_counted_nouns(items)
        return [counted if counted is not None else _words(items)]
    try:
        cursor = AnswerElements(items)
        found = [cursor.item()]
        while cursor.now.kind != "stop":
            if not cursor.now.spaced or (cursor.now.kind not in ("num", "open", "frac") and cursor.now.text != "-"):
                raise UnreadableAnswer
            found.append(cursor.item())
        return found
    except UnreadableAnswer:
        return [_words(items)]


def _words(items: list[Token]) -> Value:
    return spoken_text(" ".join(token.text for token in items))
