"""What holds for every input: no exception, bounded work, the same verdict twice, and the laws of equality."""

import sys
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmk12.types import ANSWER_TYPES, Verdict
from mmk12.verifier import answer_parser, classify_gold, gold, verify
from mmk12.verifier.answer_parser import parse, parse_simple
from mmk12.verifier.nodes import Call, Num, Sym
from mmk12.verifier.numeric import are_equal
from mmk12.verifier.unicode import to_plain
from tests.growth import assert_cheap

MARKS = (
    r"\frac \sqrt { } ( ) [ ] ^ _ 1 2 0 12 x n AB + - * / = < \le \infty \pi e i ! \% ° ^\circ \text{ cm m or "
    r"and , ; : | \{ \} \cup \in \angle $ $$ \pm \begin{pmatrix} \end{pmatrix} & \\ \log \sin ^{-1} ² ½ √ not is "
    r"the A (B) \boxed{ <think> </think> <answer> </answer> . ... 9^{9^9} 1e99 \left( \right) f(x) 1,000 0/0 "
    r"\overline{ \binom"
)
PIECES = st.sampled_from([*MARKS.split(), " ", "\n", "\x00", "\ud800", "é", "一", "٦", "\u200b"])
SOUP = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60)


@settings(max_examples=300, deadline=None)
@given(SOUP, SOUP)
def test_any_strings_give_a_verdict(response, gold):
    verdict = verify(response, gold)
    assert isinstance(verdict, Verdict)
    assert verdict.status != "error", verdict
    assert verdict == verify(response, gold)
    classify_gold(gold)


@settings(max_examples=150, deadline=None)
@given(SOUP, SOUP)
def test_any_boxed_answer_and_choices_give_a_verdict(answer, option):
    boxed = verify(f"\\boxed{{{answer}}}", "B", choices=["1", option], precision=2)
    tagged = verify(f"<think>t</think><answer>{answer}</answer>", option, question="What percent?")
    assert boxed.status != "error" and tagged.status != "error"


@settings(max_examples=200, deadline=None)
@given(st.fractions(max_denominator=10_000), st.integers(2, 50))
def test_spellings_of_a_rational_are_equal(value, factor):
    over, under = value.numerator, value.denominator
    gold = f"\\frac{{{over}}}{{{under}}}"
    for answer in (
        f"{over}/{under}",
        f"\\dfrac{{{over * factor}}}{{{under * factor}}}",
        f"x = {over}/{under}",
        f"({gold})",
    ):
        assert verify(f"\\boxed{{{answer}}}", gold).correct, answer
    for wrong in (value + 1, value + Fraction(1, under * factor), -value if value else value + 2):
        assert not verify(f"\\boxed{{\\frac{{{wrong.numerator}}}{{{wrong.denominator}}}}}", gold).correct


@settings(max_examples=150, deadline=None)
@given(st.integers(1, 60), st.integers(2, 60), st.integers(1, 30))
def test_surds_fold_and_rationalise(outside, inside, below):
    gold = f"$\\frac{{{outside}\\sqrt{{{inside}}}}}{{{below}}}$"
    folded = f"\\frac{{\\sqrt{{{outside * outside * inside}}}}}{{{below}}}"
    rational = f"\\frac{{{outside * inside}}}{{{below}\\sqrt{{{inside}}}}}"
    for answer in (folded, rational):
        assert verify(f"\\boxed{{{answer}}}", gold).correct
    assert not verify(f"\\boxed{{\\frac{{{outside}\\sqrt{{{inside + 1}}}}}{{{below}}}}}", gold).correct


def trees():
    leaf = st.integers(-9, 9).map(lambda n: Num(Fraction(n))) | st.sampled_from("xyz").map(Sym)
    return st.recursive(
        leaf,
        lambda inner: st.builds(lambda op, a, b: Call(op, (a, b)), st.sampled_from("+*"), inner, inner),
        max_leaves=8,
    )


@settings(max_examples=150, deadline=None)
@given(trees(), trees(), trees())
def test_the_laws_of_arithmetic(a, b, c):
    def call(op, *args):
        return Call(op, args)

    assert are_equal(call("+", a, b), call("+", b, a))
    assert are_equal(call("*", a, call("+", b, c)), call("+", call("*", a, b), call("*", a, c)))
    assert are_equal(call("neg", call("neg", a)), a)
    assert not are_equal(a, call("+", a, Num(Fraction(1, 10**30))))


@pytest.mark.slow
@pytest.mark.parametrize(
    "make",
    [
        lambda n: "{" * n,
        lambda n: "\\frac{1}{" * n,
        lambda n: "(" * n + "6" + ")" * n,
        lambda n: "1+" * n + "1",
        lambda n: "1-" * n,
        lambda n: "9" * n,
        lambda n: "-" * n + "6",
        lambda n: "x^" * n + "x",
        lambda n: "x_" * n + "x",
        lambda n: "\\boxed{" * n,
        lambda n: "\\boxed{5} " * n,
        lambda n: "\\sqrt{" * n,
        lambda n: "answer is " * n,
        lambda n: "<think>" * n,
        lambda n: "<answer>" * n,
        lambda n: "$ " * n,
        lambda n: "1, " * n,
        lambda n: "1 -" * n,
        lambda n: "|x" * n,
        lambda n: "\\%" * n,
        lambda n: " " * n,
        lambda n: "\n" * n,
        lambda n: "\\" * n,
        lambda n: "is 1 " * n,
        lambda n: "**" * n,
        lambda n: "(1) (2) " * n,
        lambda n: "A or " * n,
        lambda n: "0.\\overline{3}" * n,
        lambda n: "\\begin{pmatrix}" * n,
        lambda n: "\\sqrt" * 300,
        lambda n: "\\frac" * 300,
        lambda n: "√" * 900,
        lambda n: "x" + "!" * 900,
        lambda n: "6" + "%" * 900,
        lambda n: "6" + "°" * 900,
        lambda n: "1" + "/x" * 700,
        lambda n: "x" + "'" * 900,
        lambda n: "x" + "^-" * 700 + "1",
        lambda n: "\\sin" * 600,
        lambda n: "\\pm" * 600 + "1",
        lambda n: "∠" * 900,
        lambda n: "+".join(f"x_{i}" for i in range(300)),
        lambda n: "x=" * 700,
        lambda n: "1:" * 700,
        lambda n: "[0,1]\\cup" * 250,
        lambda n: "x<1 or " * 250,
        lambda n: "1 x 10^" * n,
        lambda n: "\\lfloor" * 300,
        lambda n: "1°1'" * 300,
        lambda n: "{x|" * 300,
        lambda n: "[0,1]\\setminus" * 250,
        lambda n: "\\{1\\}\\cup" * 250,
        lambda n: "x>1, x<2, " * 200,
        lambda n: "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}" * 80,
        lambda n: "{2 \\choose " * 300,
        lambda n: "C_9^" * 300,
        lambda n: "\\$1" * n,
        lambda n: "about " * n,
        lambda n: "约" * n,
        lambda n: "3 to " * n,
        lambda n: "B is correct " * n,
        lambda n: "6, not " * n,
        lambda n: "more than 6 " * n,
        lambda n: "aa " * n,
        lambda n: "a" * n,
        lambda n: ",aa=" * n,
        lambda n: "domain: 1 and " * n,
        lambda n: "$6$, " * n,
        lambda n: "1:23 p.m. " * n,
        lambda n: "`" * n,
        lambda n: "(C) and " * n,
        lambda n: "因为" * n,
        lambda n: "<answer>6</answer>" * n,
        lambda n: "</think>" * n,
        lambda n: "## Answer\n" * n,
    ],
)
def test_long_input_is_read_in_linear_time(make):
    for frame in ("{}", "<think>t</think><answer>{}</answer>", "\\boxed{{{}}}", "The answer is {}"):
        response = frame.format(make(40_000)[:100_000])

        def read(response=response):
            forget()
            return verify(response, "$$6$$")

        verdict = read()
        assert not verdict.correct and verdict.status != "error", verdict
        # 4 times is the dearest now.
        assert_cheap(read, times=30)


def forget():
    """Empties the caches, so that the same text costs the same again."""
    answer_parser._parse.cache_clear()
    gold.make_reference.cache_clear()


BOMBS = [
    "\\lfloor 10^{10^{10}} \\rfloor",
    "C_{999}^{500}",
    "i^{10^{12}}",
    "e^{i 10^{9}}",
    "9^{9^{9}} i",
    "9^{9^{9^9}}",
    "100000!",
    "((9!)!)!",
    "\\binom{10^9}{10^8}",
    "10^{10^{10}}",
    "\\sin(10^{10^{10}})",
    "e^{e^{e^{e^e}}}",
    "1e999999999",
    "1e-999999999",
    "0." + "0" * 900 + "1",
    "(x+1)^{5000}",
    "\\sqrt[10^{9}]{2}",
    "2^{-10^{12}}",
    "\\log(\\log(\\log(0)))",
    "\\frac{1}{10^{-3000}}",
    "7^{7^{7}}-7^{7^{7}}",
]


@pytest.mark.parametrize("bomb", BOMBS)
def test_numeric_bombs_are_defused(bomb):
    forget()
    work = Work()
    sys.setprofile(work)
    try:
        verdicts = [verify(f"\\boxed{{{bomb}}}", gold) for gold in ("$$6$$", f"${bomb}$")]
    finally:
        sys.setprofile(None)
    assert [verdict.correct for verdict in verdicts] == [False, True]
    # The dearest bomb takes 830 calls, and the longest number is the 9,967 bits of 10^{-3000}.
    assert work.calls < 5_000
    assert work.bits < 40_000


class Work:
    """A profiler: how many calls are made, and how long the longest number is that any of them returns."""

    def __init__(self):
        self.calls = self.bits = 0

    def __call__(self, frame, event, value):
        self.calls += event in ("call", "c_call")
        if event == "return":
            self.bits = max(self.bits, bits(value))


def bits(value):
    if isinstance(value, tuple):
        return max(map(bits, value), default=0)
    value = value.value if isinstance(value, Num) else value
    if isinstance(value, Decimal):
        return 4 * len(value.as_tuple().digits)
    if isinstance(value, int | Fraction):
        return max(value.numerator.bit_length(), value.denominator.bit_length())
    return 0


def test_look_alikes_change_nothing_but_spelling():
    assert to_plain("ｘ＝２²⁰½①−𝐁") == "x=2^{20}\\frac{1}{2}(1)-B"
    assert parse("５√３") == parse("5\\sqrt{3}")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(["", "-"]), st.sampled_from(["", "$", "$$"]))
def test_the_short_way_reads_what_the_grammar_reads(a, b, minus, dollars):
    for text in (f"{a}", f"{a}.{b}", f"{a}^\\circ", f"{a}°", f"\\frac{{{a}}}{{{b}}}", f"\\dfrac{{{a}}}{{{b}}}"):
        shown = f"{dollars}{minus}{text}{dollars}"
        assert parse_simple(shown) == parse(f" {{{shown}}} ") == parse(f"{{}}{shown}"), shown


@settings(max_examples=100, deadline=None)
@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(-9, 9), st.integers(-9, 9))
def test_complex_numbers_multiply(a, b, c, d):
    product = f"({a}+({b})i)({c}+({d})i)"
    gold = f"{a * c - b * d}+({a * d + b * c})i"
    assert verify(f"\\boxed{{{product}}}", gold).correct
    assert not verify(f"\\boxed{{{product}+i}}", gold).correct


@pytest.mark.parametrize("kind", ANSWER_TYPES)
@settings(max_examples=60, deadline=None)
@given(SOUP, SOUP)
def test_any_declared_kind_gives_a_verdict(kind, response, gold):
    verdict = verify(f"\\boxed{{{response}}}", gold, answer_type=kind, tolerance=0.1)
    assert verdict.status != "error", verdict
