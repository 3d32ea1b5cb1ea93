"""One function pays for every caller: columns as any table holds them, end marks cut, labels that hold everything."""

import json
import math

import numpy as np
import pytest

from mmk12.errors import BadInput, UnknownName
from mmk12.rewards import easyr1, openrlhf, trl, verl
from mmk12.rewards.scoring import pay, read_label, split_columns, to_response, write_label
from mmk12.verifier import reward, verify, verify_many
from mmk12.verifier.marks import cut_end_marks
from tests.conftest import response

END_MARKS = [
    "<|im_end|>",
    "<|im_end|>\n",
    "<|im_end|><|endoftext|><|endoftext|>",
    "</s>",
    "<eos>",
    "<end_of_turn>\n<pad><pad>",
    "<｜end▁of▁sentence｜>",
    "<|eot_id|>",
    "[PAD][PAD]",
]
KEPT = ["a <|im_end|> b", "a</think>", "<|begin_of_box|>3<|end_of_box|>", "x < y |>", "", "a<|im_start|>"]


def test_only_marks_behind_the_response_are_cut():
    assert {mark: cut_end_marks(f"a {mark}") for mark in END_MARKS} == dict.fromkeys(END_MARKS, "a ")
    assert [cut_end_marks(text) for text in KEPT] == KEPT
    assert cut_end_marks("a" + "<pad>" * 5000) == "a"


@pytest.mark.parametrize("mark", END_MARKS)
def test_an_end_mark_costs_no_format_reward(mark):
    assert pay(response("$4$") + mark, {"gold": "4"}).fields["score"] == 1.5


CHOICES = ["3 cm", "4 cm"]
CELLS = {
    "choices as an array": ({"gold": "B", "choices": np.array(CHOICES), "answer_type": "choice"}, "B"),
    "choices as a tuple": ({"gold": "B", "choices": tuple(CHOICES)}, "4 cm"),
    "no choices in an array": ({"gold": "4", "choices": np.array([])}, "4"),
    "precision of a nullable column": ({"gold": "3.14", "precision": 2.0}, "3.1416"),
    "precision of numpy": ({"gold": "3.14", "precision": np.int64(2)}, "3.1416"),
    "precision that is missing": ({"gold": "4", "precision": math.nan, "choices": math.nan, "tolerance": None}, "4"),
    "tolerance": ({"gold": "100", "tolerance": np.float64(0.5)}, "100.4"),
    "a unit beside the gold": ({"gold": "4", "unit": "cm"}, "40 mm"),
    "a gold that is a number": ({"gold": 4}, "4"),
    "verl's name": ({"ground_truth": "4"}, "4"),
    "the name of TRL and ms-swift": ({"solution": "4"}, "4"),
    "EasyR1's name": ({"answer": "4"}, "4"),
}


@pytest.mark.parametrize("name", CELLS)
def test_columns_count_as_tables_hold_them(name):
    columns, answer = CELLS[name]
    assert pay(response(answer), columns, profile="strict").verdict.status == "correct"
    without = {key: value for key, value in columns.items() if key in ("gold", "ground_truth", "solution", "answer")}
    if len(columns) > 1 and "missing" not in name and "no choices" not in name and answer != "B":
        assert pay(response(answer), without, profile="strict").verdict.status == "wrong", "the columns decide"


def test_the_public_functions_take_the_same_cells():
    told = {"choices": np.array(CHOICES), "answer_type": "choice", "precision": math.nan}
    assert reward(response("B"), "B", **told)["score"] == 1.0
    assert verify(response("3.1416"), "3.14", precision=2.0).correct
    assert [verdict.status for verdict in verify_many([{"response": "B", "gold": "B", **told}])] == ["correct"]


def test_a_profile_comes_from_the_caller_the_column_or_the_default():
    text = response("4")
    assert pay(text, {"gold": "4"}).fields["score"] == 1.5
    assert pay(text, {"gold": "4", "profile": "paper_zero"}).fields["score"] == 2.0
    assert pay(text, {"gold": "4", "profile": "paper_zero"}, profile="strict").fields["score"] == 1.0
    with pytest.raises(UnknownName, match="profile"):
        pay(text, {"gold": "4"}, profile="papr")


def test_a_row_without_a_gold_names_the_columns_there_are():
    with pytest.raises(BadInput, match="there are only label, prompt"):
        pay("4", {"label": "4", "prompt": "?"})


def test_columns_of_a_batch_are_split_by_row():
    rows = list(split_columns({"gold": ["1", "2"], "choices": [None, CHOICES], "precision": 2, "other": [1, 2]}, 2))
    assert rows == [{"gold": "1", "choices": None}, {"gold": "2", "choices": CHOICES}]


def test_a_completion_is_a_text_or_messages():
    parts = [{"type": "image"}, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert [to_response(one) for one in ("ab", [{"role": "assistant", "content": "ab"}], [{"content": parts}], [])] == [
        "ab",
        "ab",
        "ab",
        "",
    ]


def test_a_label_holds_everything_and_any_other_text_is_the_gold():
    row = {"gold": "B", "choices": CHOICES, "precision": 2, "tolerance": None, "profile": "strict", "id": "x"}
    assert read_label(write_label(row)) == {"gold": "B", "choices": CHOICES, "precision": 2, "profile": "strict"}
    for text in ("4", "{1, 2}", '{"a": 1}', json.dumps({"gold": 3}), "{"):
        assert read_label(text) == {"gold": text}


# Each trainer's call, by its own keywords.


def test_verls_call():
    given = {"data_source": "mmk12/paper_zero", "solution_str": response("B") + "<|im_end|>", "ground_truth": "B"}
    extra = {"choices": np.array(CHOICES), "answer_type": "choice", "num_turns": 2, "rollout_reward_scores": {}}
    assert verl.compute_score(**given, extra_info=extra)["score"] == 2.0
    assert verl.compute_score(**given, extra_info=extra, profile="strict", reward_router_address=None)["score"] == 1.0
    assert verl.compute_score("hiyouga/geometry3k", response("4"), "4", None)["score"] == 1.5
    keys = [list(verl.compute_score(solution_str=text, ground_truth=gold)) for text, gold in (("", "4"), ("4", "x"))]
    assert keys[0] == keys[1]


def test_trls_call():
    logged = {}
    rewards = trl.reward(
        prompts=["p", "p"],
        completions=[[{"role": "assistant", "content": response("B")}], [{"role": "assistant", "content": "C"}]],
        completion_ids=[[1], [2]],
        trainer_state=object(),
        log_metric=logged.__setitem__,
        log_extra=None,
        gold=["B", "B"],
        choices=[CHOICES, CHOICES],
        precision=[None, None],
    )
    assert rewards == [1.5, 0.0]
    assert logged["acc"] == logged["format"] == 0.5


def test_easyr1s_call():
    label = write_label({"gold": "B", "choices": CHOICES})
    given = [
        {"response": response("4 cm"), "response_length": 9, "ground_truth": label},
        {"response": "4", "response_length": 1, "ground_truth": "4"},
    ]
    assert easyr1.compute_score(given) == [
        {"overall": 1.5, "format": 1.0, "accuracy": 1.0},
        {"overall": 1.0, "format": 0.0, "accuracy": 1.0},
    ]


PROMPT = "<s>user\n<img></img>\nHow long is AB?<|im_end|>\n<|im_start|>assistant\n"
EXPANDED = PROMPT.replace("<img></img>", "<img>" + "<IMG_CONTEXT>" * 256 + "</img>")


@pytest.mark.parametrize("query", [PROMPT, EXPANDED])
def test_openrlhfs_call(query):
    said = response("$4$ cm") + "<|im_end|>"
    found = openrlhf.reward_func([query + said, query + "5"], [PROMPT, PROMPT], [write_label({"gold": "4"}), "4"])
    assert found["rewards"].tolist() == [1.5, 0.0]
    assert found["scores"].tolist() == [1.0, 0.0]
    assert {name: values.shape for name, values in found["extra_logs"].items()}["acc"] == (2,)


def test_a_response_that_repeats_the_question_is_kept_whole():
    said = PROMPT.partition("</img>")[2] + "4"
    assert openrlhf.find_response(EXPANDED + said, PROMPT) == said
    with pytest.raises(BadInput, match="chat template"):
        openrlhf.find_response("zzz", "abc")
