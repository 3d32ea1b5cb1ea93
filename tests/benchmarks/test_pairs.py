"""Right and wrong answers to golds as each benchmark prints them, from its row through its file to the verdict.

Labelled responses are rare for OlympiadBench and not at hand for MathVerse and K12: these constructed pairs are what
their grading rests on. A regression is one row of tests/cases/<benchmark>.json: changes to the documented row, right
and wrong answers.
"""

import json
from pathlib import Path

import pytest

from mmk12.datasets.registry import load_benchmark
from mmk12.verifier import verify
from tests.benchmarks.rows import NAMES, documented
from tests.conftest import response

CASES = Path(__file__).parents[1] / "cases"
PAIRS = [
    (name, case["row"], answer, expected)
    for name in NAMES
    if (CASES / f"{name}.json").is_file()
    for case in json.loads((CASES / f"{name}.json").read_text("utf-8"))
    for expected in ("right", "wrong")
    for answer in case[expected]
]


@pytest.mark.parametrize("name", list(dict.fromkeys(name for name, *_ in PAIRS)))
def test_answers_are_graded_as_they_should_be(name):
    benchmark, faults = load_benchmark(name), []
    for _, row, answer, expected in (pair for pair in PAIRS if pair[0] == name):
        draft = benchmark.draft({**documented(name), **row})
        verdict = verify(response(answer), draft.gold, question=draft.question)
        if verdict.correct != (expected == "right"):
            faults.append((row, answer, verdict))
    assert faults == []


def test_the_pairs_are_many():
    assert len(PAIRS) > 500
