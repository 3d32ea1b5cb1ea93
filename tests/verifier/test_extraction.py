"""How an answer is found: labels, marks of chat templates, JSON, prose, letters, several boxes; and what is none."""

import re

import pytest

from mmk12.verifier import verify, verify_many
from mmk12.verifier.boxes import find_boxes, join_labelled, label_boxes
from mmk12.verifier.choices import find_only_letter, read_letter
from mmk12.verifier.explain import explain
from mmk12.verifier.extract import Extraction, NoExtraction, extract_answer
from mmk12.verifier.json_answers import find_json_answer, read_scrap
from mmk12.verifier.labels import OTHERS, find_stated
from mmk12.verifier.marks import clean
from mmk12.verifier.sentences import find_claim, main_clause
from tests.growth import assert_cheap
from tests.verifier.cases import table


@pytest.mark.parametrize("group", table("extraction"), ids=lambda group: f"{group['topic']}: {group['gold']}")
def test_right_answers_are_paid_and_the_rest_is_not(group):
    wrong = []
    for expected in ("right", "refused"):
        for response in group[expected]:
            verdict = verify(response, group["gold"], choices=group.get("choices"))
            if verdict.correct is not (expected == "right"):
                wrong.append((expected, response, verdict))
    assert not wrong, wrong


@pytest.mark.parametrize(
    ("response", "rule", "text"),
    [
        ("x</think>\n<answer>8</answer>", "answer tag", "8"),
        ('{"why": "n=3", "answer": "8"}', "JSON key", "8"),
        ("First 9.\n\\boxed{8}", "boxed", "8"),
        ("\\boxed{9}? The final answer is 8.", "final answer", "8"),
        ("Ответ: 8", "answer is", "8"),
        ("Add 5 and 3.\n#### 8", "####", "8"),
        ("B\n\nIt is the only one with four equal sides, as the picture shows.", "first line", "B"),
        ("8 cm", "whole response", "8 cm"),
    ],
)
def test_the_rule_says_where_the_answer_stood(response, rule, text):
    extraction = extract_answer(response)
    assert (extraction.rule, extraction.text) == (rule, text)


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("Next, let us compute the area of the triangle with side 8.", "plan"),
        ("Is the side then 8?", "question"),
        ("We add both sides. The sum of them is", "breaks off"),
        ("The answer is 8 +", "breaks off"),
        ("A triangle has sides. " * 20 + "The angle at the base was measured by 8 pupils. We thank all.", "conclusion"),
        ("Look at these.\n" * 30 + "A) 7\nB) 8", "list of options"),
        ("<|channel|>analysis<|message|>It is 8.", "thinking never ends"),
    ],
)
def test_a_response_that_states_nothing_has_no_answer(response, reason):
    verdict = verify(response, "8")
    assert verdict.status == "no_answer", verdict
    assert reason in verdict.reason


def test_each_language_has_its_stems_in_its_heads():
    for language in OTHERS:
        heads = re.sub(r"\(\?:[^)]*\)", "", language.heads).split("|")
        assert all(any(stem in head for stem in language.stems) for head in heads), language.name


@pytest.mark.parametrize(
    ("text", "stated"),
    [
        ("The Answer: 5", "5"),
        ("THE FINAL ANSWER IS 5", "5"),
        ("7. **Final Answer**\n\n5", "5"),
        ("İ. The answer is 5", "5"),
        ("\\textbf{Answer: 5} cm", "5  cm"),
        ("The means: 5", None),
        ("the plans are 5", None),
        ("None of these answers is right", None),
        ("If the answer is 5, stop", None),
        ("your answer is correct.", None),
    ],
)
def test_labels(text, stated):
    found = find_stated(text)
    assert (found and found.text) == stated


@pytest.mark.parametrize(
    ("written", "cleaned"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("\ufeffa\u200bb\u2028c", "ab\nc"),
        ("a<|eot_id|>b", "a"),
        ("<|im_start|>a", "a"),
        ("a<eoe>b<eoa>c", "a\nbc"[:3]),
        ("[THINK]a[/THINK]b", "<think>a</think>b"),
        ("<Thinking>a</Thinking><FINAL_ANSWER>b", "<think>a</think><answer>b"),
        ("<|begin_of_box|>5<|end_of_box|>", "\\boxed{5}"),
        ("|AC|<|BC|>|AB|", "|AC|<|BC|>|AB|"),
        ("1 < x > 0 [x]", "1 < x > 0 [x]"),
    ],
)
def test_marks_of_chat_templates(written, cleaned):
    assert clean(written) == cleaned


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ('{"answer": "\\\\frac{1}{2}"}', "\\frac{1}{2}"),
        ('{"answer": "\\frac{1}{2}"}', "\\frac{1}{2}"),
        ('{"answer": ["P", "Q"]}', "P, Q"),
        ('{"answer": [1, 2]}', "[1, 2]"),
        ('{"answer": {"width": 3, "side_length": "4"}}', "width = 3, side length = 4"),
        ('{"answer": true}', "True"),
        ('{"answer": 5', "5"),
        ('{"answer": "5', "5"),
        ("{'final_answer': '5', 'steps': []}", "5"),
    ],
)
def test_values_of_json(written, value):
    assert find_json_answer(written)[0] == value


def test_scraps_of_json():
    assert read_scrap('20",') == "20"
    assert read_scrap("['P', 'Q']") == "P, Q"
    for kept in ('12"', "f'(x)", "[1, 2]", 'he said "no", then'):
        assert read_scrap(kept) == kept


def test_json_before_a_later_box():
    assert extract_answer('{"answer": 9}\nNo. \\boxed{8}').text == "8"
    assert extract_answer('{"answer": 8, "why": "\\boxed{9}"}').text == "8"


@pytest.mark.parametrize(
    ("sentence", "clause"),
    [
        ("x is 3, because y is 4", "x is 3"),
        ("Since y is 4, x is 3", "x is 3"),
        ("Therefore, if y is 4, then x is 3", "x is 3"),
        ("The value can be written as 3", "The value can be written as 3"),
        ("x is 3", "x is 3"),
    ],
)
def test_main_clauses(sentence, clause):
    assert main_clause(sentence).strip() == clause


def test_a_closing_remark_is_passed_over():
    assert find_claim("So x = 3. I hope this helps!").text == "So x = 3."


def test_labelled_boxes_keep_their_labels():
    text = "(a) We find \\boxed{3}.\n(b) Then \\boxed{4}."
    boxes = label_boxes(text, find_boxes(text))
    assert [box.part for box in boxes] == [1, 2]
    assert join_labelled(boxes, 2) == "(1) 3 (2) 4"
    assert join_labelled(boxes, 3) is None
    text = "$p=\\boxed{3}$; then $q=\\boxed{4}$"
    assert join_labelled(label_boxes(text, find_boxes(text)), 2) == "p=3, q=4"


def test_letters_of_options():
    assert read_letter("B. That is not C") == "B"
    assert read_letter("I would go with (E).") == "E"
    for hedge in ("A or E", "A. 3 B. 4", "A? Wait, E", "Let us try A", "neither A nor B"):
        assert read_letter(hedge) is None, hedge
    assert find_only_letter("(A) is too small, so it cannot be (A). Option D fits.") == "D"
    assert find_only_letter("None of the options fits, (D) is the nearest.") is None


@pytest.mark.parametrize(
    "unit",
    [
        "The answer is ",
        "the final answer is 1. ",
        "the answer is: 1\nwhat ",
        '{"answer": ',
        "#### ",
        "<|im_start|>",
        "<|a",
        "<b></i>",
        "<Answer>",
        "【答案】",
        "所以选",
        "✅",
        "(A) ",
        "option A ",
        "because ",
        "part 1: \\boxed{2} ",
        "\\text{Answer: ",
        "\\[ 1 \\] ",
        "answer   \t",
        "It is 5. ",
    ],
)
def test_hostile_responses_are_read_in_linear_time(unit):
    text = "So " + unit * (100_000 // len(unit))
    assert_cheap(lambda: extract_answer(text), times=40)
    assert_cheap(lambda: verify(text, "C"), times=40)


def test_the_explanation_says_what_was_left_out_and_why_nothing_is_stated():
    def lines(response, gold="1"):
        return [branch.line for branch in explain({"response": response, "gold": gold}).branches]

    assert any(
        "left out, what follows the first final statement" in line
        for line in lines("The final answer is 1.\n\nProblem 2: 3+4?\nThe final answer is 7.")
    )
    assert any("answer: none, because the response ends in a plan" in line for line in lines("Let us find 1."))
    shown = lines("$x_1=\\boxed{1}$, so that $x_2=\\boxed{2}$", "$x_1=1,x_2=2$")
    assert any("found by the rule '2 labelled boxes': x_1=1, x_2=2" in line for line in shown)


@pytest.mark.parametrize("response", ["The answer is 1", "So x = 1", "1", "\\boxed{1", "<answer>1", "#### 1"])
def test_what_a_limit_of_tokens_cut_is_no_answer(response):
    assert verify(response, "1").correct
    assert verify(response, "1", finish_reason="stop").correct
    verdict = verify(response, "1", finish_reason="length")
    assert (verdict.status, verdict.reason) == ("no_answer", "the response was cut at its limit before an answer ended")
    rows = [{"response": response, "gold": "1", "finish_reason": "length"}] * 2
    assert [one.status for workers in (1, 2) for one in verify_many(rows, workers=workers)] == ["no_answer"] * 4


@pytest.mark.parametrize("response", ["\\boxed{1} and so", "<answer>1</answer> I", "The answer is 1. Now we"])
def test_what_was_ended_before_the_limit_is_an_answer(response):
    assert verify(response, "1", finish_reason="length").correct


def test_the_types_of_what_is_found():
    assert isinstance(extract_answer(""), NoExtraction)
    assert isinstance(extract_answer("5"), Extraction)


@pytest.mark.parametrize(
    ("response", "gold"),
    [
        ('{"answer": "30\\u00b0"}', "30°"),
        ('{"answer": "\\u2220P = 30\\u00b0"}', "∠P=30°"),
        ('{"answer": "8\\nwest\\n5"}', "8\nwest\n5"),
        ('{"answer": "x \\neq 2"}', "x ≠ 2"),
        ('{"answer": "\\nu + 1"}', "1 + \\nu"),
        ('{"answer": "\\\\nu + 1"}', "1 + \\nu"),
    ],
)
def test_escapes_of_json_are_read_as_json_or_as_latex(response, gold):
    assert verify(response, gold).correct, verify(response, gold)
