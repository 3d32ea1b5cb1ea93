"""Answers as golds, and multiple choice as a value or a letter."""

import pytest

from mmk12.datasets.declarations import SkipRow
from mmk12.datasets.sources import _helpers
from mmk12.datasets.sources._helpers import integer_gold, number_gold, remove_spaces, to_latex, wrap_in_dollars
from mmk12.verifier.boxes import find_last_boxed
from tests.growth import assert_linear


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"so $x = \boxed{7}$.", "7"),
        (r"\boxed{1} and then \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        (r"\boxed{1} and then \boxed{2", "1"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{ 5 }}", "5"),
        (r"\fbox{5}", "5"),
        (r"\boxed{\boxed{3}}", "3"),
        (r"a \\boxed{3}", None),
        ("no box", None),
    ],
)
def test_last_boxed(text, answer):
    assert find_last_boxed(text) == answer


def test_last_boxed_is_linear():
    assert find_last_boxed("\\boxed{" * 200_000) is None
    assert find_last_boxed("}" * 200_000 + "\\boxed{1}") == "1"
    assert_linear(find_last_boxed, "\\boxed{" * 10_000)
    assert_linear(find_last_boxed, "}" * 20_000)


def test_tight_and_in_dollars():
    assert remove_spaces(r"\frac { 2 \sqrt { 2 } } { 5 }") == r"\frac{2 \sqrt{2}}{5}"
    assert remove_spaces("x ^ 2") == "x^2"
    assert wrap_in_dollars("7") == "$7$"
    assert wrap_in_dollars("$7$ cm") == "$7$ cm"


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("19.5", "$19.5$"),
        (7, "$7$"),
        (-0.5, "$-0.5$"),
        (" 1,234,567.5 ", "$1234567.5$"),
        ("75 %", "$75\\%$"),
        ("12,34", None),
        ("[63, 26]", None),
        ("Yes", None),
        (True, None),
        (None, None),
        ("", None),
        ("1e5", None),
        ("9" * 40, None),
        ("٣", None),
    ],
)
def test_number(answer, gold):
    if gold is None:
        with pytest.raises(SkipRow, match="not a number"):
            number_gold(answer)
    else:
        assert number_gold(answer) == gold


@pytest.mark.parametrize(
    ("answer", "gold"), [(4, "$4$"), ("40", "$40$"), ("Two", "$2$"), ("0.5", None), ("pair", None), (False, None)]
)
def test_integer(answer, gold):
    if gold is None:
        with pytest.raises(SkipRow, match="not an integer"):
            integer_gold(answer)
    else:
        assert integer_gold(answer) == gold


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("140°", r"140^\circ"),
        ("140 °", r"140^\circ"),
        ("33°C", r"33^\circ C"),
        ("2√{3}", r"2\sqrt{3}"),
        ("√3 + √(x+1)", r"\sqrt{3} + \sqrt{x+1}"),
        ("2πr", r"2\pi r"),
        ("50%", r"50\%"),
        (r"50\%", r"50\%"),
        (" 7 ", "7"),
    ],
)
def test_latex(text, shown):
    assert to_latex(text) == shown


@pytest.mark.parametrize("convert", [to_latex, remove_spaces])
def test_conversions_are_linear(convert):
    for hostile in ("√{" * 10_000, "√ " * 10_000, "√(" * 10_000, "{ " * 10_000, "%" * 10_000):
        assert_linear(convert, hostile)
    assert_linear(lambda blanks: convert(f"1{blanks}°"), " " * 20_000)


VALUES = ["3", "4", "5", "6"]
WORDS = ["red", "blue", "green"]


@pytest.mark.parametrize(
    ("question", "options", "right", "gold"),
    [
        ("Find x.", VALUES, 1, ("math", "$4$")),
        ("则∠2的度数为()", ["40°", "140°"], 1, ("math", r"$140^\circ$")),
        ("What colour is it?", WORDS, 1, ("choice", "B")),
        ("Which number is even?", VALUES, 1, ("choice", "B")),
        ("Which of the following is x?", VALUES, 1, ("choice", "B")),
        ("则AP长不可能是()", VALUES, 1, ("choice", "B")),
        ("下列选项正确的是()", VALUES, 0, ("choice", "A")),
        ("What is A?", ["a", "b"], 0, ("choice", "A")),
        ("How many?", ["1", "none"], 1, ("choice", "B")),
        ("When was it?", ["1910s", "1920s"], 1, ("choice", "B")),
        ("How many of the given choices float?", VALUES, 1, ("choice", "B")),
    ],
)
def test_a_choice_is_a_value_where_that_can_be_checked(question, options, right, gold):
    asked, found = _helpers.choice_gold(question, options, right)
    assert (found.kind, found.text) == gold
    assert asked == question if found.kind == "math" else asked.startswith(f"{question}\nA. {options[0]}\nB. ")
    assert found.choices == (() if found.kind == "math" else tuple(options))


@pytest.mark.parametrize("options", [["1", "2", "2"], ["1", "", "3"]])
def test_options_that_no_letter_tells_apart(options):
    with pytest.raises(SkipRow, match="empty or repeated"):
        _helpers.choice_gold("How many?", options, 0)


@pytest.mark.parametrize("right", [-1, 4])
def test_the_right_option_is_one_of_them(right):
    with pytest.raises(IndexError):
        _helpers.choice_gold("How many?", VALUES, right)
