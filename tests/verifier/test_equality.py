"""Each gold with answers that are right and answers that are wrong, boxed and in answer tags."""

from dataclasses import replace
from types import MappingProxyType

import pytest

from mmk12.verifier import profiles, verify
from tests.verifier.cases import table

ROWS = table("equality")
PLAIN = [row for row in ROWS if not row.get("switches")]


def given(row):
    return {key: row[key] for key in ("choices", "question", "precision", "tolerance", "answer_type") if key in row}


def register(row, monkeypatch):
    """Returns the name of a profile with the row's switches, registered for the length of the test."""
    switches = row.get("switches")
    if not switches:
        return "strict"
    tried = replace(profiles.STRICT, name="tried", **switches)
    monkeypatch.setattr(profiles, "PROFILES", MappingProxyType({"tried": tried}))
    return "tried"


@pytest.mark.parametrize("topic", list(dict.fromkeys(row["topic"] for row in ROWS)))
def test_right_and_wrong_answers(topic, monkeypatch):
    faults = []
    for row in (row for row in ROWS if row["topic"] == topic):
        with monkeypatch.context() as patch:
            profile = register(row, patch)
            for expected, answers in ((True, row["right"]), (False, row["wrong"])):
                for answer in answers:
                    for response in (f"\\boxed{{{answer}}}", f"<think>t</think>\n<answer>{answer}</answer>"):
                        verdict = verify(response, row["gold"], profile=profile, **given(row))
                        if verdict.correct is not expected:
                            faults.append((row["gold"], response, verdict))
    assert faults == []


def test_a_gold_answers_itself():
    verdicts = [verify(f"<think>t</think><answer>{row['gold']}</answer>", row["gold"], **given(row)) for row in PLAIN]
    assert [(row["gold"], one) for row, one in zip(PLAIN, verdicts, strict=True) if not one.correct] == []


def test_verdicts_say_why():
    pairs = [(row, answer) for row in PLAIN for answer in (*row["right"], *row["wrong"])]
    verdicts = [verify(f"\\boxed{{{answer}}}", row["gold"], **given(row)) for row, answer in pairs]
    assert [one for one in verdicts if not (one.rule and one.reason and one.profile == "strict")] == []
