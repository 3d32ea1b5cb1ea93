r"""Parses one item of an answer: a relation, a set, a point, a ratio, a matrix, everything looser than a sum.

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

from mmk12.verifier.expression_parser import ExpressionParser
from mmk12.verifier.lexer import Token, UnreadableAnswer
from mmk12.verifier.matrices import add_matrices, multiply_matrices, scale_matrix
from mmk12.verifier.nodes import (
    BOUND,
    ONE,
    AnswerList,
    Bracketed,
    Call,
    Difference,
    Expr,
    Matrix,
    Ratio,
    Relation,
    Sym,
    Union,
    Value,
    is_expr,
    make_negative,
)
from mmk12.verifier.systems import make_system, match_vertices, name_values
from mmk12.verifier.vocabulary import split_names

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
            members = list(match_vertices(self.tokens[start : self.position])) or members
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
            return AnswerList(tuple(items), ",") if name_values(items) else Bracketed("{", tuple(items), "}")
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
