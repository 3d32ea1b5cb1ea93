"""The tables and the shortcuts of the hot path say the same as the slow way round."""

import pytest

from mmk12.verifier.answer_parser import parse, parse_text
from mmk12.verifier.extract import extract_answer
from mmk12.verifier.lexer import FIXED, LEXEME, tokenize


def test_each_spelling_of_the_table_is_one_lexeme():
    for lexeme in FIXED:
        assert LEXEME.findall(lexeme) == [lexeme]


def test_the_table_and_the_classes_of_characters_agree_on_degrees():
    spellings = ("30°", "30^\\circ", "30^{\\circ}", "30 ^ { \\circ }", "30^\\degree", "30^o")
    assert len({parse(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize("text", ["7", "007", "-7", "12.50", "-0.5", "B"])
def test_a_simple_answer_reads_as_in_brackets(text):
    assert parse(text) == parse(f"$${text}$$") == parse(f"({text})")


def test_only_a_brace_ends_the_reach_of_a_dressing_command():
    assert [token.kind for token in tokenize("5\\operatorname*{cm}")] == ["num", "char", "unit"]
    assert [token.kind for token in tokenize("\\hspace*{5mm}6")] == ["char", "num"]


@pytest.mark.parametrize(
    "anchor",
    [
        "answer is",
        "Answers are",
        "答案是",
        "final value is",
        "Final Result =",
        "correct option is",
        "option letter:",
        "CORRECT CHOICE IS",
        "回答：",
        "故选",
        "应选",
        "所以选",
    ],
)
def test_no_anchor_is_missed_in_a_long_text(anchor):
    for filler in ("lorem ipsum ", "straße "):
        found = extract_answer(filler * 60 + f"{anchor} 42.")
        assert (found.text, found.rule) == ("42", "answer is")


@pytest.mark.parametrize(
    "content", ["12", "\\frac{1}{2}", "\\frac{\\sqrt{3}}{2}", "\\{1, 2\\}", "\\text{a \\} b}", "{{{7}}}", "\\\\{8}"]
)
def test_a_box_ends_at_its_own_brace_at_any_depth(content):
    assert extract_answer(f"Thus \\boxed{{{content}}} and }} {{").text == content


@pytest.mark.parametrize("anchor", ["答案是 7", "Answer: 7", "回答：7"])
def test_an_anchor_inside_a_box_counts(anchor):
    assert extract_answer(f"\\boxed{{{anchor}}}").text == "7"


def test_stray_points_and_apostrophes_are_no_words():
    assert parse_text("It's 3.5 cm. 'so'... x.y").words == ("it's", "3.5", "cm", "so", "x", "y")
