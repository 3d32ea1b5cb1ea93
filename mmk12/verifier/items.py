"""Items: what stands between two separators, everything looser than a sum."""

from __future__ import annotations

from mmk12.verifier.atoms import Atoms
from mmk12.verifier.lexer import Unreadable
from mmk12.verifier.values import (
    Brackets,
    Call,
    Expr,
    Matrix,
    Ratio,
    Relation,
    Sym,
    Union,
    Value,
    is_expr,
)
from mmk12.verifier.words import names

_MATRICES = names("matrix pmatrix bmatrix Bmatrix vmatrix Vmatrix smallmatrix array")


class Items(Atoms):
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
            raise Unreadable
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
            if op == "∪" and all(isinstance(part, Brackets) for part in parts):
                return Union(tuple(parts))
            sets = sorted(part.name for part in parts if isinstance(part, Sym))
            if len(sets) == len(parts):
                # Sets by name have no value; sorted, they are equal in any order.
                return Call(op, tuple(map(Sym, sets)))
            raise Unreadable
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
        if kind == "begin":
            return self.environment()
        if kind == "set":
            return self.braces()
        if kind in ("open", "{") and self.framed():
            return self.frame()
        if kind == "open" and self.ahead().kind == "begin":
            self.step()
            inner = self.environment()
            self.expect("close")
            return inner
        if kind == "sym" and self.ahead().kind == "open" and not self.ahead().spaced:
            # A named point: A(1, 2).
            name = self.step()
            if name.text.isupper() and self.framed():
                return self.frame()
            self.at -= 2
            self.step()
        return self.sum()

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

    def frame(self) -> Brackets:
        self.deeper()
        opening = self.step()
        entries: list[Value] = [self.item()]
        while self.now.kind == "sep":
            self.step()
            entries.append(self.item())
        closing = self.step()
        if closing.kind not in ("close", "}"):
            raise Unreadable
        self.depth -= 1
        return Brackets(opening.text, tuple(entries), closing.text)

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
            return Brackets("{", tuple(entry for row in rows for entry in row), "}") if rows else system
        if self.now.kind == "tes":
            self.step()
            return Sym("∅")
        if self.now.kind == "sym" and (self.ahead().kind == "bar" or self.ahead().text == ":"):
            self.step()
            self.step()
            condition = self.item()
            self.expect("tes")
            self.depth -= 1
            return condition
        entries: list[Value] = [self.item()]
        while self.now.kind == "sep":
            self.step()
            entries.append(self.item())
        self.expect("tes")
        self.depth -= 1
        return Brackets("{", tuple(entries), "}")

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
            raise Unreadable
        if row:
            rows.append(tuple(row))
        self.depth -= 1
        if name == "cases":
            return Brackets("{", tuple(entry for entries in rows for entry in entries), "}")
        if name not in _MATRICES or not rows:
            raise Unreadable
        return Matrix(tuple(rows))
