"""Compares the values of `numeric.py` with those of mpmath, an independent implementation."""

from decimal import localcontext
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmk12.verifier.backends import DecimalBackend, FloatBackend, NoValue, decimal_context, decimal_pi
from mmk12.verifier.nodes import PI, Call, Const, Num, Sym
from mmk12.verifier.numeric import evaluate, sample_point

mpmath = pytest.importorskip("mpmath")

DIGITS = 100
"""Digits of our evaluation; mpmath has twice as many."""
AGREEMENT = 40
"""Digits of an expression that must agree: differences and quotients cost some."""

REFERENCES = {
    "ln": "log",
    "sin": "sin",
    "cos": "cos",
    "tan": "tan",
    "cot": "cot",
    "sec": "sec",
    "csc": "csc",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "abs": "fabs",
    "floor": "floor",
}
"""The name in mpmath of each function."""


class Unclear(Exception):
    """The value is too large, too near to a pole or a branch cut, or complex where ours are real."""


def our_value(expr, point, digits=DIGITS):
    """Returns both parts of the value as strings that mpmath reads; None if there is no value."""
    try:
        with localcontext(decimal_context(digits)):
            return [str(part) for part in evaluate(expr, point, DecimalBackend(digits))]
    except (NoValue, ArithmeticError):
        return None


def rational(value):
    return mpmath.mpf(value.numerator) / value.denominator


def reference(expr, point):
    """Returns the value by mpmath. Raises `Unclear` if rounding errors decide on it."""
    match expr:
        case Num(value):
            return mpmath.mpc(rational(value))
        case Sym("i"):
            return mpmath.mpc(0, 1)
        case Sym(name):
            return mpmath.mpc(rational(point[name]))
        case Const("pi"):
            return mpmath.mpc(mpmath.pi)
        case Const("e"):
            return mpmath.mpc(mpmath.e)
        case Call(op, args):
            value = operation(op, args, [reference(arg, point) for arg in args])
    if abs(value) > 1e6:
        raise Unclear
    return value


def operation(op, args, values):
    first = values[0]
    if op == "+":
        return sum(values)
    if op == "*":
        return mpmath.fprod(values)
    if op == "/":
        return first / away_from_zero(values[1])
    if op == "neg":
        return -first
    if op in ("^", "root"):
        exponent = args[1].value if op == "^" else 1 / args[1].value
        return power(args[0], first, exponent)
    if op in ("tan", "sec"):
        away_from_zero(mpmath.cos(first))
    if op in ("cot", "csc"):
        away_from_zero(mpmath.sin(first))
    if op == "ln":
        away_from_cut(args[0], first)
    if op not in ("ln", "abs", "sinh", "cosh", "tanh") and first.imag:
        raise Unclear
    if op in ("arcsin", "arccos") and not abs(first) < 1:
        raise Unclear
    if op == "floor" and abs(first.real - mpmath.nint(first.real)) < 1e-20 and not isinstance(args[0], Num):
        raise Unclear
    # mpmath takes real numbers for real functions.
    return mpmath.mpc(getattr(mpmath, REFERENCES[op])(first if first.imag else first.real))


def power(base, value, exponent):
    """Returns a power with a rational exponent: odd roots of negative numbers are real, all others principal."""
    if exponent.denominator == 1:
        return (away_from_zero(value) if exponent < 0 else value) ** exponent.numerator
    away_from_cut(base, value)
    if exponent.denominator % 2 and not value.imag and value.real < 0:
        return (-mpmath.root(-value, exponent.denominator)) ** exponent.numerator
    return value ** rational(exponent)


def away_from_zero(value):
    if abs(value) < 1e-20:
        raise Unclear
    return value


def away_from_cut(base, value):
    """Raises `Unclear` for an inexact negative number: a rounding error decides on the branch."""
    away_from_zero(value)
    if not isinstance(base, Num) and value.real < 0 and abs(value.imag) < 1e-20:
        raise Unclear


def agree(ours, expected, tolerance):
    difference = mpmath.mpc(*ours) - expected
    return abs(difference) <= tolerance * max(1, abs(expected))


RATIONALS = st.builds(Fraction, st.integers(-60, 60), st.integers(1, 12))
LEAVES = RATIONALS.map(Num) | st.sampled_from([Sym("x"), Sym("y"), PI, Const("e")])
EXPONENTS = [Num(Fraction(n, d)) for n in (-2, -1, 1, 2, 3) for d in (1, 2, 3, 4, 5)]
DEGREES = [Num(Fraction(n)) for n in range(2, 7)]
POWERS = st.tuples(st.just("^"), st.sampled_from(EXPONENTS)) | st.tuples(st.just("root"), st.sampled_from(DEGREES))
STEPS = st.one_of(
    st.tuples(st.sampled_from("+*/"), LEAVES),
    POWERS,
    st.tuples(st.sampled_from(["neg", *REFERENCES])),
)


def nest(first, steps):
    """Returns the expression that applies one operation after the other."""
    expr = first
    for op, *others in steps:
        expr = Call(op, (expr, *others))
    return expr


EXPRESSIONS = st.builds(nest, LEAVES, st.lists(STEPS, min_size=1, max_size=5))


@pytest.mark.parametrize("digits", [50, 100, 400, 800])
def test_pi(digits):
    with mpmath.workdps(digits + 20):
        assert abs(mpmath.mpf(str(decimal_pi(digits))) - mpmath.pi) < mpmath.mpf(10) ** -digits


@pytest.mark.parametrize("name", REFERENCES)
@settings(max_examples=25, deadline=None)
@given(value=RATIONALS)
def test_functions_of_rationals(name, value):
    expr = Call(name, (Num(value / 61 if name in ("arcsin", "arccos") else value),))
    with mpmath.workdps(2 * DIGITS):
        try:
            expected = reference(expr, {})
        except Unclear:
            assume(False)
        ours = our_value(expr, {})
        assert ours is not None
        assert agree(ours, expected, mpmath.mpf(10) ** (20 - DIGITS))
        if name != "floor":
            number = evaluate(expr, {}, FloatBackend())
            assert agree((number.real, number.imag), expected, 1e-9)


@settings(max_examples=100, deadline=None)
@given(RATIONALS, st.just(0) | RATIONALS, POWERS)
def test_powers_and_roots_of_complex_numbers(real, imaginary, power):
    base = Call("+", (Num(real), Call("*", (Num(imaginary), Sym("i"))))) if imaginary else Num(real)
    expr = nest(base, [power])
    with mpmath.workdps(2 * DIGITS):
        try:
            expected = reference(expr, {})
        except Unclear:
            assume(False)
        assert agree(our_value(expr, {}), expected, mpmath.mpf(10) ** -AGREEMENT)


@settings(max_examples=100, deadline=None)
@given(EXPRESSIONS, st.integers(0, 5))
def test_expressions(expr, trial):
    point = sample_point({"x", "y"}, trial)
    with mpmath.workdps(2 * DIGITS):
        try:
            expected = reference(expr, point)
        except Unclear:
            assume(False)
        ours = our_value(expr, point)
        assume(ours is not None)
        assert agree(ours, expected, mpmath.mpf(10) ** -AGREEMENT), (ours, expected)


def test_the_comparison_fails_for_a_wrong_value():
    with mpmath.workdps(2 * DIGITS):
        expected = reference(Call("root", (Num(Fraction(2)), Num(Fraction(2)))), {})
        ours = our_value(Call("root", (Num(Fraction(2) + Fraction(1, 10**45)), Num(Fraction(2)))), {})
        assert agree(ours, expected, mpmath.mpf(10) ** -AGREEMENT)
        assert not agree(ours, expected, mpmath.mpf(10) ** -50)
