"""A changed word changes scores: the prompts are frozen word for word."""

import json
from pathlib import Path

import pytest

from mmk12.errors import PromptError, UnknownName
from mmk12.inference import prompts

SNAPSHOT = Path(__file__).parents[1] / "snapshots" / "prompts.json"
QUESTION = "<image>As shown, $\\frac{1}{2}AB={}$ ___."


@pytest.mark.parametrize("name", ["instruct", "plain", "zero"])
def test_the_wording_is_frozen(name):
    found = [[message.role, message.content] for message in prompts.render_chat(name, QUESTION, 1)]
    assert found == json.loads(SNAPSHOT.read_text("utf-8"))[name]


def test_there_are_no_others():
    assert sorted(prompts.TEMPLATES) == sorted(json.loads(SNAPSHOT.read_text("utf-8")))


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'instruct'"):
        prompts.find_template("instrcut")


@pytest.mark.parametrize(
    ("question", "images", "user"),
    [
        ("no picture", 0, "no picture"),
        ("<image>\nfirst line", 1, "<image>first line"),
        ("<image> <image> two", 2, "<image><image>two"),
        ("see <image> and <image>", 2, "see <image> and <image>"),
        ("<image>is left of <image>", 2, "<image>is left of <image>"),
    ],
)
def test_marks_in_front_lead_the_turn_and_others_stay(question, images, user):
    assert prompts.render_chat("plain", question, images)[-1].content == user


@pytest.mark.parametrize(("question", "images"), [("none", 1), ("<image>", 0), ("<image><image>", 1)])
def test_marks_must_match_the_images(question, images):
    with pytest.raises(PromptError, match="marks for"):
        prompts.render_chat("instruct", question, images)


def test_braces_in_a_question_are_text():
    assert prompts.render_chat("zero", "{question} {0} {}", 0)[-1].content.startswith(
        "Answer the following question: {question} {0} {}\n"
    )
