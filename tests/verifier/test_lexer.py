"""The tables and the shortcuts of the hot path give what the general rules give."""

import pytest

from mmk12.verifier.answer_parser import parse
from mmk12.verifier.extract import extract_answer
from mmk12.verifier.lexer import FIXED, LEXEME, tokenize
from mmk12.verifier.words import parse_text


def test_each_spelling_of_the_table_is_one_lexeme():
    for lexeme in FIXED:
        assert LEXEME.findall(lexeme) == [lexeme]


def test_the_table_and_the_classes_of_characters_agree_on_degrees():
    spellings = ("30°", "30^\\circ", "30^{\\circ}", "30 ^ { \\circ }", "30^\\degree", "30^o")
    assert len({parse(spelling) for spelling in spellings}) == 1


@pytest.mark.parametrize("text", ["7", "007", "-7", "12.50", "-0.5", "B"])
def test_a_simple_answer_is_parsed_as_in_brackets(text):
    assert parse(text) == parse(f"$${text}$$") == parse(f"({text})")


def test_a_formatting_command_applies_to_the_next_brace_only():
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
def test_each_anchor_is_found_in_a_long_text(anchor):
    for filler in ("lorem ipsum ", "straße "):
        extraction = extract_answer(filler * 60 + f"{anchor} 42.")
        assert (extraction.text, extraction.rule) == ("42", "answer is")


@pytest.mark.parametrize(
    "content", ["12", "\\frac{1}{2}", "\\frac{\\sqrt{3}}{2}", "\\{1, 2\\}", "\\text{a \\} b}", "{{{7}}}", "\\\\{8}"]
)
def test_a_box_ends_at_its_own_brace_at_any_depth(content):
    assert extract_answer(f"Thus \\boxed{{{content}}} and }} {{").text == content


@pytest.mark.parametrize("anchor", ["答案是 7", "Answer: 7", "回答：7"])
def test_an_anchor_inside_a_box_counts(anchor):
    assert extract_answer(f"\\boxed{{{anchor}}}").text == "7"


def test_points_and_apostrophes_around_words_are_dropped():
    assert parse_text("It's 3.5 cm. 'so'... x.y").words == ("it's", "3.5", "cm", "so", "x", "y")
