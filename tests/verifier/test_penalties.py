"""Repetition and length: what is deducted, from when on, and that nothing is unless asked for."""

import math

import pytest

from mmk12.verifier import Penalties, reward
from mmk12.verifier.reward import excess_share, repetition_share

GOOD = "<think>1 + 3</think>\n<answer>$4$</answer>"


@pytest.mark.parametrize(
    ("text", "ngram", "share"),
    [
        ("", 1, 0.0),
        ("one two three", 3, 0.0),
        ("one two three", 4, 0.0),
        ("a a a a", 1, 0.75),
        ("a b a b a b", 2, 0.6),
        ("对 对 对 对", 1, 0.75),
        ("对对对对", 1, 0.75),
        ("wait. wait. wait.", 2, 3 / 5),
    ],
)
def test_repetition_is_the_share_of_ngrams_seen_before(text, ngram, share):
    assert math.isclose(repetition_share(text, ngram), share)


@pytest.mark.parametrize(
    ("length", "limit", "buffer", "share"),
    [
        (60, 100, 40, 0.0),
        (61, 100, 40, 0.025),
        (80, 100, 40, 0.5),
        (100, 100, 40, 1.0),
        (900, 100, 40, 1.0),
        (100, 100, 0, 0.0),
        (101, 100, 0, 1.0),
    ],
)
def test_length_counts_over_the_buffer(length, limit, buffer, share):
    assert math.isclose(excess_share(length, limit, buffer), share)


def test_nothing_is_deducted_by_default():
    looped = "<think>" + "so on " * 5000 + "</think><answer>4</answer>"
    found = reward(looped, "4", profile="paper_instruct")
    assert (found["score"], found["repetition"], found["overlong"]) == (1.5, 0.0, 0.0)


def test_penalties_are_logged_and_paid():
    looped = "<think>" + "so on " * 5000 + "</think><answer>4</answer>"
    found = reward(looped, "4", penalties=Penalties(repetition=0.4, overlong=0.5, limit=100, buffer=50), length=75)
    assert -0.4 < found["repetition"] < -0.39
    assert found["overlong"] == -0.25
    assert math.isclose(found["score"], 1.0 + found["repetition"] + found["overlong"])
    assert found.keys() == reward(GOOD, "4").keys()


def test_without_tokens_characters_are_counted():
    assert reward(GOOD, "4", penalties=Penalties(overlong=1.0, limit=len(GOOD)))["overlong"] == 0.0
    assert reward(GOOD, "4", penalties=Penalties(overlong=1.0, limit=len(GOOD) - 1))["overlong"] == -1.0


def test_an_unusable_gold_costs_nothing():
    found = reward("a " * 500, "", penalties=Penalties(repetition=1.0, overlong=1.0, limit=1))
    assert (found["score"], found["repetition"], found["overlong"]) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "given", [{"repetition": -1}, {"ngram": 0}, {"overlong": 1}, {"overlong": 1, "limit": 5, "buffer": 9}]
)
def test_values_that_make_no_sense_are_refused(given):
    with pytest.raises(ValueError, match="penalt"):
        Penalties(**given)
