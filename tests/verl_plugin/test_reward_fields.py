"""The reward inside verl is the verifier's, with the same keys whatever happens."""

from typing import get_args

import pytest

from mmk12.types import Status, Verdict
from mmk12.verifier import Penalties, reward, verify
from mmk12.verl_plugin.algorithms import is_informative
from mmk12.verl_plugin.reward_fields import make_pool_row, read_penalties, reward_fields
from mmk12.verl_plugin.step_metrics import compute_step_metrics
from tests.conftest import response

KEYS = ["score", "acc", "format", "status", "no_answer", "timeout", "truncated", "length"]
RESPONSES = [response("$4$"), "<answer>$4$</answer>", response("$5$"), "I do not know.", "", "<think>4"]


@pytest.mark.parametrize("profile", ["strict", "paper_instruct", "paper_zero"])
@pytest.mark.parametrize("text", RESPONSES)
@pytest.mark.parametrize("gold", ["4", "prove that"])
def test_it_pays_what_the_verifier_pays(profile, text, gold):
    found = reward_fields(verify(text, gold, profile=profile), text, length=3, truncated=False)
    expected = reward(text, gold, profile=profile)
    assert {key: found[key] for key in ("score", "acc", "format")} == {
        key: expected[key] for key in ("score", "acc", "format")
    }
    assert expected[f"status_{found['status']}"] == 1.0


@pytest.mark.parametrize("status", get_args(Status))
@pytest.mark.parametrize("truncated", [False, True])
def test_the_keys_are_always_the_same(status, truncated):
    verdict = Verdict(status, None, "deadline", "no verdict within 5 s", True, "paper_instruct")
    found = reward_fields(verdict, "4", length=17, truncated=truncated)
    assert list(found) == KEYS
    assert found["length"] == 17.0
    assert found["truncated"] == float(truncated)
    assert found["score"] == {"correct": 1.5, "gold_unusable": 0.0}.get(status, 0.5)
    assert (found["no_answer"], found["timeout"]) == (float(status == "no_answer"), float(status == "timeout"))


def test_a_row_tells_the_verifier_what_the_parquet_file_knows():
    extra = {"index": 3, "id": "a/1", "question": "Which?", "answer_type": "choice", "choices": ["x", "y"]}
    expected = {"response": "B", "gold": "B", "question": "Which?", "choices": ["x", "y"], "answer_type": "choice"}
    assert make_pool_row("B", "B", {**extra, "precision": None, "pass_rate": 0.5, "tags": "{}"}) == expected
    assert make_pool_row("1.1", "1", {"tolerance": 0.2}) == {"response": "1.1", "gold": "1", "tolerance": 0.2}


def test_curves_are_means_shares_and_what_groups_teach():
    verdicts = [verify(response(f"${answer}$"), "4", profile="paper_instruct") for answer in (4, 4, 4, 5, 5, 5)]
    rows = [reward_fields(verdict, "4", length=10 * at, truncated=at == 5) for at, verdict in enumerate(verdicts)]
    found = compute_step_metrics(rows, ["a", "a", "b", "b", "c", "c"])
    assert found["reward/acc/mean"] == 0.5
    assert found["reward/format/mean"] == 1.0
    assert found["reward/score/mean"] == 1.0
    assert found["reward/length/mean"] == 25.0
    assert found["reward/truncated/mean"] == pytest.approx(1 / 6)
    assert found["reward/status/correct"] == found["reward/status/wrong"] == 0.5
    assert found["reward/prompts/all_right"] == found["reward/prompts/all_wrong"] == pytest.approx(1 / 3)
    assert sum(value for key, value in found.items() if "/status/" in key) == 1.0


PENALTIES = {"repetition": 0.4, "ngram": 2, "overlong": 0.5, "limit": 100, "buffer": 50}
LOOPED = response("$4$", "so on " * 100)


def test_without_penalties_nothing_is_deducted_and_no_key_is_added():
    for config in ({}, {"mmk12": None}, {"mmk12": {"drop_uniform": True}}, {"mmk12": {"penalties": {"ngram": 5}}}):
        penalties = read_penalties(config)
        fields = reward_fields(verify(LOOPED, "4"), LOOPED, length=500, truncated=False, penalties=penalties)
        assert list(fields) == KEYS
        assert fields["score"] == 1.0


@pytest.mark.parametrize("gold", ["4", "5", "$$"])
@pytest.mark.parametrize("length", [10, 75, 500])
def test_with_penalties_it_pays_what_the_verifier_pays(gold, length):
    penalties = read_penalties({"mmk12": {"penalties": PENALTIES}})
    assert penalties == Penalties(**PENALTIES)
    verdict = verify(LOOPED, gold, profile="paper_instruct")
    fields = reward_fields(verdict, LOOPED, length=length, truncated=False, penalties=penalties)
    expected = reward(LOOPED, gold, profile="paper_instruct", penalties=penalties, length=length)
    assert list(fields) == [*KEYS, "repetition", "overlong"]
    for key in ("score", "acc", "format", "repetition", "overlong"):
        assert fields[key] == expected[key]
    assert (fields["repetition"] < -0.3) is (gold != "$$")


def test_penalties_are_logged_as_means_where_they_are_on():
    penalties = Penalties(**PENALTIES)
    rows = [
        reward_fields(verify(LOOPED, "4"), LOOPED, length=length, truncated=False, penalties=penalties)
        for length in (10, 500)
    ]
    metrics = compute_step_metrics(rows, ["a", "a"])
    assert metrics["reward/overlong/mean"] == -0.25
    assert metrics["reward/repetition/mean"] == pytest.approx(rows[0]["repetition"])
    off = [reward_fields(verify(LOOPED, "4"), LOOPED, length=10, truncated=False)]
    assert set(metrics) - set(compute_step_metrics(off, ["a"])) == {"reward/overlong/mean", "reward/repetition/mean"}


@pytest.mark.parametrize(
    ("accuracies", "kept"),
    [
        ([1, 0, 1, 1, 0, 0], [True, True, False, False, False, False]),
        ([1, 1, 0, 0, 1, 0], [False, False, False, False, True, True]),
        ([], []),
    ],
)
def test_a_prompt_stays_when_its_rollouts_differ(accuracies, kept):
    assert is_informative(["a", "a", "b", "b", "c", "c"][: len(accuracies)], accuracies) == kept


def test_no_rollouts_make_no_curves():
    assert compute_step_metrics([], []) == {}
