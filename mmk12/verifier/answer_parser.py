r"""Parses answers: from text to one value of `nodes.py`.

`parse` never fails and never guesses: what is not in the grammar becomes words (`Text`). Around the expressions of
`expression_parser.py`, loosest first:

    answer       = chunk { separator chunk }               separators: "," ";" "or" "and", a new line, `$1$ $2$`
    chunk        = item { item }                           a space between numbers separates too
                 | words                                   `360 sets`, `about 5`, `no solution`
    item         = [ side ] { relation [ side ] }
    side         = part { ( "∪" | "∩" | "∖" ) part }
                 | sum ":" sum { ":" sum }
    part         = [ name ] bracketed | set | matrices | sum
    bracketed    = ( "(" | "[" | "{" ) item { separator item } ( ")" | "]" | "}" )
    set          = "\{" [ [ name ( "|" | ":" ) ] item { separator item } ] "\}"
                 | "\{" environment [ "\}" | "." ]
    matrices     = [ sum ] matrix { ( [ "*" ] | ( "+" | "-" ) [ term ] ) matrix }
    matrix       = "(" environment ")" | environment
    environment  = "\begin{pmatrix}" item { ( "&" | "\\" | separator ) item } "\end{pmatrix}"
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import prod
from typing import Literal

from mmk12.verifier.conditions import remove_conditions
from mmk12.verifier.expression_parser import SMALL_INTEGERS, ExpressionParser, parse_number
from mmk12.verifier.lexer import Token, UnreadableAnswer, tokenize
from mmk12.verifier.nodes import (
    BOUND,
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
from mmk12.verifier.units import UNITS
from mmk12.verifier.vocabulary import CONTENT_COMMANDS, split_names

MAX_CHARS = 4000
"""Longer texts are not parsed: their first characters, as many as this, are compared as words."""
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
    if head.kind == "num" and len(head.text) <= 3 and all(t.kind == "num" and len(t.text) == 3 for t in tail):
        return AmbiguousNumber(parse_number("".join(token.text for token in tokens)), answers)
    if any(token.text == "^" for token in tokens) and all(isinstance(item, Num) for item in answers.items):
        return AmbiguousNumber(make_product([item for item in answers.items if isinstance(item, Num)]), answers)
    return answers


# Items: what stands between two separators, everything looser than a sum


_PART_STARTS = split_names("begin open { set sym")
"""Kinds of tokens with which something else than a sum may begin."""
_MATRICES = split_names("matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array")
MAX_RELATION_MEMBERS = 12


class AnswerParser(ExpressionParser):
    """The rules of the grammar that are looser than a sum."""

    __slots__ = ()

    def parse_item(self) -> Value:
        """Parses sides and the relations between them; either end may be empty."""
        start = self.position
        first = None if self.current.kind == "rel" else self.parse_side()
        if first is not None and self.current.kind != "rel":
            return first
        members = [first]
        ops: list[str] = []
        while self.current.kind == "rel":
            ops.append(self.advance().text)
            members.append(None if self.current.kind in ("rel", "stop", "sep") else self.parse_side())
        if len(members) > MAX_RELATION_MEMBERS:
            raise UnreadableAnswer
        if ops[0] in ("≅", "∼") and self.position - start == 5:
            members = list(_match_vertices(self.tokens[start : self.position])) or members
        return Relation(tuple(members), tuple(ops))

    def parse_side(self) -> Value:
        """Parses operations on sets, or a ratio."""
        first = self.parse_part()
        if self.current.kind == "cup":
            parts = [first]
            op = self.current.text
            while self.current.kind == "cup" and self.current.text == op:
                self.advance()
                parts.append(self.parse_part())
            if op == "∖" and len(parts) == 2:
                return Difference(*parts)
            if op == "∪" and all(isinstance(part, Bracketed) for part in parts):
                return Union(tuple(parts))
            sets = sorted(part.name for part in parts if isinstance(part, Sym))
            if len(sets) == len(parts):
                # Sets by name have no value; sorted, they are equal in any order.
                return Call(op, tuple(map(Sym, sets)))
            raise UnreadableAnswer
        if self.current.text == ":" and is_expr(first):
            start = self.position - 1
            terms: list[Expr] = [first]
            while self.current.text == ":":
                self.advance()
                terms.append(self.parse_sum())
            literal = "".join(token.text for token in self.tokens[max(0, start) : self.position])
            return Ratio(tuple(terms), literal)
        return first

    def parse_part(self) -> Value:
        """Parses a matrix, a set, a point or an interval if one stands here, else a sum."""
        kind = self.current.kind
        if kind not in _PART_STARTS:
            return self.parse_sum_or_matrix()
        if kind == "begin" or (kind == "open" and self.peek().kind == "begin"):
            matrix = self.parse_matrix()
            return self.parse_matrix_terms(matrix) if isinstance(matrix, Matrix) else matrix
        if kind == "set" or (kind == "{" and self._opens_set_builder()):
            return self.parse_set()
        if kind in ("open", "{") and self._opens_bracketed():
            return self.parse_bracketed()
        if kind == "sym" and self.peek().kind == "open" and not self.peek().spaced:
            # A named point: A(1, 2).
            name = self.advance()
            if name.text.isupper() and self._opens_bracketed():
                point = self.parse_bracketed()
                return point if self.current.kind == "rel" else Relation((Sym(name.text), point), ("=",))
            self.position -= 1
            self.current = name
        return self.parse_sum_or_matrix()

    def _opens_set_builder(self) -> bool:
        """Whether set-builder notation opens here: `{x | …`."""
        return self.peek().kind == "sym" and (self.peek(2).kind == "bar" or self.peek(2).text == ":")

    def _opens_bracketed(self) -> bool:
        """Whether the bracket here holds a top-level comma."""
        level, comma = 0, False
        for index in range(self.position, len(self.tokens)):
            kind = self.tokens[index].kind
            if kind in ("open", "{", "set"):
                level += 1
            elif kind in ("close", "}", "tes"):
                level -= 1
                if level == 0:
                    return comma
            elif kind == "sep" and level == 1:
                comma = True
        return False

    def parse_bracketed(self) -> Bracketed:
        """Parses items in brackets: a point, an interval or a set."""
        self.descend()
        opening = self.advance()
        items: list[Value] = [self.parse_item()]
        while self.current.kind == "sep":
            self.advance()
            items.append(self.parse_item())
        closing = self.advance()
        if closing.kind not in ("close", "}"):
            raise UnreadableAnswer
        self.depth -= 1
        return Bracketed(opening.text, tuple(items), closing.text)

    def parse_set(self) -> Value:
        """Parses `\\{1, 2\\}`, `\\{x \\mid x > 1\\}` or a system of equations behind a brace."""
        self.descend()
        self.advance()
        if self.current.kind == "begin":
            # \left\{ \begin{array} … \end{array} \right. is a system of equations.
            system = self.parse_environment()
            if self.current.kind == "tes" or self.current.text == ".":
                self.advance()
            self.depth -= 1
            return make_system(system.rows) if isinstance(system, Matrix) else system
        if self.current.kind == "tes":
            self.advance()
            return Sym("∅")
        if self.current.kind == "sym" and self.peek().text == "∈" and self.peek(2).text in ("ℝ", "R"):
            # {x ∈ ℝ | …
            self.tokens = [*self.tokens[: self.position + 1], *self.tokens[self.position + 3 :]]
        builder = self.current.kind == "sym" and (self.peek().kind == "bar" or self.peek().text == ":")
        if builder:
            self._rename_bound_variable(self.advance().text)
            self.advance()
        items: list[Value] = [self.parse_item()]
        separators: list[str] = []
        while self.current.kind == "sep":
            separators.append(self.advance().text)
            items.append(self.parse_item())
        if self.advance().kind not in ("tes", "}"):
            raise UnreadableAnswer
        self.depth -= 1
        if not builder:
            # {x = 1, y = 2} is a solution, not a set of two equations.
            return AnswerList(tuple(items), ",") if _name_values(items) else Bracketed("{", tuple(items), "}")
        return AnswerList(tuple(items), "or" if "or" in separators else ",") if separators else items[0]

    def _rename_bound_variable(self, name: str) -> None:
        """Renames the variable of set-builder notation, which has no name outside of it."""
        self.tokens = [Token("sym", BOUND, t.spaced) if (t.kind, t.text) == ("sym", name) else t for t in self.tokens]
        self.current = self.tokens[self.position]

    def parse_sum_or_matrix(self) -> Value:
        """Parses a sum, or a multiple of a matrix."""
        factor = self.parse_sum()
        if self.current.kind != "begin":
            return factor
        matrix = self.parse_matrix()
        if not isinstance(matrix, Matrix):
            raise UnreadableAnswer
        return self.parse_matrix_terms(scale_matrix(matrix, factor))

    def parse_matrix_terms(self, total: Matrix) -> Matrix:
        """Parses the matrices that follow `total`, and returns the product or sum with them."""
        augend: Matrix | None = None
        while True:
            if self.current.kind == "begin" or (self.current.text == "*" and self.peek().kind == "begin"):
                if self.current.text == "*":
                    self.advance()
                right = self.parse_matrix()
                if not isinstance(right, Matrix):
                    raise UnreadableAnswer
                total = multiply_matrices(total, right)
                continue
            total, augend = (add_matrices(augend, total), None) if augend is not None else (total, None)
            if self.current.kind != "char" or self.current.text not in ("+", "-"):
                return total
            sign = self.advance().text
            factor = ONE if self.current.kind == "begin" else self.parse_term()
            right = self.parse_matrix()
            if not isinstance(right, Matrix):
                raise UnreadableAnswer
            augend, total = total, scale_matrix(right, make_negative(factor) if sign == "-" else factor)

    def parse_matrix(self) -> Value:
        """Parses an environment, with or without brackets around it."""
        in_brackets = self.current.kind == "open"
        if in_brackets:
            self.advance()
        inner = self.parse_environment()
        if in_brackets:
            self.expect("close")
        return inner

    def parse_environment(self) -> Value:
        """Parses `\\begin{…}` to `\\end{…}`: a matrix, or the cases of a system."""
        name = self.advance().text
        self.descend()
        if name == "array" and self.current.kind == "{":
            # The alignment of the columns.
            self.read_group()
        rows: list[tuple[Value, ...]] = []
        row: list[Value] = []
        while self.current.kind != "end":
            if self.current.kind == "row" or self.current.text == "&" or self.current.kind == "sep":
                if self.advance().kind == "row" and row:
                    rows.append(tuple(row))
                    row = []
                continue
            row.append(self.parse_item())
        if self.advance().text != name:
            raise UnreadableAnswer
        if row:
            rows.append(tuple(row))
        self.depth -= 1
        if name == "cases":
            return make_system(tuple(rows))
        if name not in _MATRICES or not rows:
            raise UnreadableAnswer
        return Matrix(tuple(rows))


# Systems and functions defined piece by piece: what stands behind one brace


def make_system(rows: tuple[tuple[Value, ...], ...]) -> Value:
    """Returns what the rows behind a brace write: conditions that hold together, or the pieces of a function.

    A piece is a pair of formula and condition, and pieces have no order.
    """
    if all(len(row) > 1 for row in rows):
        pieces = (Bracketed(_PIECE, (row[0], *row[1:]), _PIECE) for row in rows)
        return Bracketed("{", tuple(pieces), "}")
    entries = tuple(entry for row in rows for entry in row)
    together = len(entries) > 1 and all(isinstance(entry, Relation) for entry in entries)
    return AnswerList(entries, ",") if together else Bracketed("{", entries, "}")


_PIECE = "|"
"""The brackets around a piece, which no text can write."""


def _name_values(items: list[Value]) -> bool:
    """Whether each item is an equation for another name."""
    names = {item.members[0] for item in items if isinstance(item, Relation) and item.ops == ("=",)}
    return len(names) == len(items) > 1 and all(isinstance(name, Sym) for name in names)


def _match_vertices(tokens: list[Token]) -> tuple[Value, ...]:
    """Returns both sides of `△ABC ≅ △DEF` with their vertices in one order, since A answers to D, B to E and C to F.

    Vertices are sorted in pairs, and the sides too, so that `△CBA ≅ △FED` and `△DEF ≅ △ABC` are the same.
    """
    kinds = [token.kind for token in tokens]
    if kinds != ["angle", "run", "rel", "angle", "run"] or len(tokens[1].text) != len(tokens[4].text):
        return ()
    left, right = tokens[1].text, tokens[4].text
    written = []
    for one, other in ((left, right), (right, left)):
        pairs = sorted(zip(one, other, strict=True))
        written.append(tuple("".join(letters) for letters in zip(*pairs, strict=True)))
    return tuple(Sym(f"{tokens[0].text}{name} in order") for name in min(written))


# Sums, products and multiples of matrices are computed while they are parsed: an answer may leave them uncomputed


MAX_SIDE = 8
"""Rows and columns of a matrix that is computed with."""

Entries = list[list[Expr]]


def scale_matrix(matrix: Matrix, factor: Expr) -> Matrix:
    """Returns `factor · matrix`."""
    return _to_matrix([[make_product([factor, entry]) for entry in row] for row in _entries(matrix)])


def add_matrices(left: Matrix, right: Matrix) -> Matrix:
    """Returns the sum of two matrices of the same shape. Raises `UnreadableAnswer` for other shapes."""
    a, b = _entries(left), _entries(right)
    if len(a) != len(b) or len(a[0]) != len(b[0]):
        raise UnreadableAnswer
    return _to_matrix([[make_sum([x, y]) for x, y in zip(*rows, strict=True)] for rows in zip(a, b, strict=True)])


def multiply_matrices(left: Matrix, right: Matrix) -> Matrix:
    """Returns the matrix product. Raises `UnreadableAnswer` where the shapes do not allow it."""
    a, b = _entries(left), _entries(right)
    if len(a[0]) != len(b):
        raise UnreadableAnswer
    columns = list(zip(*b, strict=True))
    return _to_matrix([[_dot_product(row, column) for column in columns] for row in a])


def _dot_product(row: list[Expr], column: tuple[Expr, ...]) -> Expr:
    return make_sum([make_product([x, y]) for x, y in zip(row, column, strict=True)])


def _entries(matrix: Matrix) -> Entries:
    """Returns the entries as rows of equal length. Raises `UnreadableAnswer` where no arithmetic is possible."""
    rows = [[_check_expression(entry) for entry in row] for row in matrix.rows]
    if len(rows) > MAX_SIDE or len(rows[0]) > MAX_SIDE or any(len(row) != len(rows[0]) for row in rows):
        raise UnreadableAnswer
    return rows


def _check_expression(entry: Value) -> Expr:
    if not is_expr(entry):
        raise UnreadableAnswer
    return entry


def _to_matrix(rows: Entries) -> Matrix:
    return Matrix(tuple(map(tuple, rows)))


# Both signs of `±`


MAX_POINTS = 16
"""Points that `(±a, ±b)` may stand for."""


def expand_plus_minus(value: Value) -> list[Value]:
    """Returns the answers that `1 ± x`, `x = 1 ± y` or `(±1, 0)` writes, a set with both elements for `{±1}`.

    Any other value is returned alone.
    """
    if isinstance(value, Relation) and len(value.members) == 2 and value.ops == ("=",):
        left, right = value.members
        if left is not None and is_expr(left) and _has_plus_minus(left) and right is not None and is_expr(right):
            return [Relation((_choose_sign(left, s), _choose_sign(right, s)), ("=",)) for s in (1, -1)]
        if right is not None and (is_expr(right) or isinstance(right, Bracketed)):
            return [Relation((left, side), ("=",)) for side in expand_plus_minus(right)]
    if isinstance(value, Bracketed):
        choices = [expand_plus_minus(item) for item in value.items]
        if all(len(choice) == 1 for choice in choices):
            return [value]
        if value.opening == "{":
            return [Bracketed("{", tuple(item for choice in choices for item in choice), "}")]
        if prod(map(len, choices)) <= MAX_POINTS:
            return [Bracketed(value.opening, items, value.closing) for items in product(*choices)]
        return [value]
    if not is_expr(value) or not _has_plus_minus(value):
        return [value]
    return [_choose_sign(value, 1), _choose_sign(value, -1)]


def _has_plus_minus(value: Value) -> bool:
    return isinstance(value, Call) and (value.op in ("pm", "mp") or any(_has_plus_minus(arg) for arg in value.args))


def _choose_sign(value: Value, sign: int) -> Expr:
    """Returns `value` with the upper sign (1) or the lower one (-1) of each `±` and `∓`."""
    assert isinstance(value, Num | Sym | Const | Unit | Call)
    if not isinstance(value, Call):
        return value
    args = [_choose_sign(arg, sign) for arg in value.args]
    if value.op in ("pm", "mp"):
        return args[0] if (value.op == "pm") == (sign > 0) else make_negative(args[0])
    return rebuild(value.op, args)


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


def _keep_signs(punctuation: re.Match[str]) -> str:
    """Returns a blank, with the mathematical and other signs in it as words: `p∧q` is not `p∨q`."""
    signs = [char for char in punctuation[0] if not char.isascii() and unicodedata.category(char) in ("Sm", "So")]
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
