r"""Builds what several equations or signs write together: systems, pieces of a function, both signs of `±`."""

from __future__ import annotations

from itertools import product
from math import prod

from mmk12.verifier.lexer import Token
from mmk12.verifier.nodes import (
    AnswerList,
    Bracketed,
    Call,
    Const,
    Expr,
    Num,
    Relation,
    Sym,
    Unit,
    Value,
    is_expr,
    make_negative,
    rebuild,
)

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


def name_values(items: list[Value]) -> bool:
    """Whether each item is an equation for another name."""
    names = {item.members[0] for item in items if isinstance(item, Relation) and item.ops == ("=",)}
    return len(names) == len(items) > 1 and all(isinstance(name, Sym) for name in names)


def match_vertices(tokens: list[Token]) -> tuple[Value, ...]:
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
