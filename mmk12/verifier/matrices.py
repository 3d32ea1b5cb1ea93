"""Computes sums, products and multiples of matrices while they are parsed: an answer may leave them uncomputed."""

from __future__ import annotations

from mmk12.verifier.lexer import UnreadableAnswer
from mmk12.verifier.nodes import Expr, Matrix, Value, is_expr, make_product, make_sum

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
