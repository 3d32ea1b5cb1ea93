"""The reward, the format check and the profiles."""

import pytest

from mmk12.errors import UnknownName
from mmk12.types import Gold
from mmk12.verifier import PROFILES, reward, verify
from mmk12.verifier.extract import check_format

GOOD = "<think>1 + 3</think>\n<answer>$4$</answer>"


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (GOOD, True),
        (f"  {GOOD}\n", True),
        ("<think>a</think><answer>b</answer>", True),
        ("<think></think><answer>b</answer>", False),
        ("<think>a</think><answer> </answer>", False),
        ("<answer>b</answer><think>a</think>", False),
        ("<think>a</think> so <answer>b</answer>", False),
        ("<think>a</think><answer>b</answer> done", False),
        ("well <think>a</think><answer>b</answer>", False),
        ("<think>a</think><think>a</think><answer>b</answer>", False),
        ("<think>a<answer>b</answer></think>", False),
        ("<think>a</think><answer>b", False),
        ("4", False),
        ("", False),
    ],
)
def test_format(response, expected):
    assert check_format(response) is expected
    assert verify(response, "4").format_ok is expected


@pytest.mark.parametrize(("profile", "weight"), [("strict", 0.0), ("paper_instruct", 0.5), ("paper_zero", 1.0)])
def test_reward_is_accuracy_plus_weighted_format(profile, weight):
    assert reward(GOOD, "4", profile=profile)["score"] == 1.0 + weight
    assert reward(GOOD, "5", profile=profile)["score"] == weight
    assert reward("\\boxed{4}", "4", profile=profile)["score"] == 1.0
    assert reward("\\boxed{5}", "4", profile=profile)["score"] == 0.0


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_reward_keys_never_change(profile):
    keys = {"score", "acc", "format", "repetition", "overlong"} | {
        f"status_{status}" for status in ("correct", "wrong", "no_answer", "gold_unusable", "timeout", "error")
    }
    for response, gold in ((GOOD, "4"), ("", "4"), (GOOD, ""), (GOOD, "5")):
        found = reward(response, gold, profile=profile)
        assert set(found) == keys
        assert sum(value for key, value in found.items() if key.startswith("status_")) == 1


def test_an_unusable_gold_pays_nothing_not_even_for_format():
    assert reward(GOOD, "", profile="paper_zero")["score"] == 0.0


def test_a_gold_brings_its_own_circumstances():
    gold = Gold("B", kind="choice", choices=("3", "4", "5"))
    assert verify("\\boxed{4}", gold).correct
    assert not verify("\\boxed{5}", gold).correct
    assert verify("\\boxed{0.238}", Gold("0.24", kind="number", precision=2)).correct
    assert verify("\\boxed{4 cm}", Gold("4", unit="cm")).correct
    assert not verify("\\boxed{4 m}", Gold("4", unit="cm")).correct


def test_unknown_profile_is_named():
    with pytest.raises(UnknownName, match="Did you mean 'strict'"):
        verify(GOOD, "4", profile="stric")


def test_profiles_say_what_they_are():
    for name, profile in PROFILES.items():
        assert profile.name == name
        assert profile.about
