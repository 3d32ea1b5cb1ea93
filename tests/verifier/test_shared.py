"""The labelled pairs and the K12 golds beside the checkout, where they are present."""

import collections
import hashlib
import json
from pathlib import Path

import pytest

from mmk12.verifier import classify_gold, verify, verify_many
from tests.verifier.cases import table

SHARED = Path(__file__).resolve().parents[2] / "../shared"
PAIRS = SHARED / "verify"
K12 = SHARED / "data/k12/k12.json"
LABELLED = SHARED / "labelled"
FLOORS = {
    "gaokao_fill": 0.95,
    "gaokao_mcq": 0.99,
    "logicvista": 0.975,
    "mathodyssey_extracted": 0.95,
    "mathvista_two_models": 0.998,
    "olympiadbench_qwen2_0.5b": 0.99,
    "ursa_mathvision": 0.994,
    "ursa_mathvista": 0.993,
}
"""The least agreement with the verdicts on real responses; most of the rest is policy (rounding)."""
KEYS = ("response", "gold", "question", "choices", "precision")

pytestmark = pytest.mark.shared


def pairs(adversarial):
    if not PAIRS.is_dir():
        pytest.skip("no labelled pairs beside the checkout")
    for path in sorted(PAIRS.glob("*.jsonl")):
        # kinds.jsonl holds answers that are known to be graded wrong today, with goals of their own.
        if path.name != "kinds.jsonl" and path.name.startswith("adversarial") is adversarial:
            for line in path.read_text(encoding="utf-8").splitlines():
                row = json.loads(line)
                if row["clean"]:
                    yield row


def test_clean_pairs():
    rows = list(pairs(adversarial=False))
    verdicts = verify_many({key: row.get(key) for key in KEYS} for row in rows)
    count = collections.Counter(
        (bool(row["label"]), verdict.correct) for row, verdict in zip(rows, verdicts, strict=True)
    )
    right, wrong = count[True, True] + count[True, False], count[False, True] + count[False, False]
    assert count[False, True] / wrong <= 0.003
    assert count[True, False] / right <= 0.015
    assert (count[True, True] + count[False, False]) / (right + wrong) >= 0.99


def test_adversarial_pairs():
    for row in pairs(adversarial=True):
        assert verify(row["response"], row["gold"]).correct is bool(row["label"]), row["id"]


def labelled(name):
    """Rows of real responses with the verdict a reader or the publisher gives; those without one are left out."""
    path = LABELLED / f"{name}.jsonl"
    if not path.is_file():
        pytest.skip("no labelled responses beside the checkout")
    for row in map(json.loads, path.read_text(encoding="utf-8").splitlines()):
        truth = row.get("read", row["label"])
        lone = row["gold"].strip("()$ .")
        unknown = name.startswith("mathodyssey") and len(lone) == 1 and lone.isalpha()  # the options are not there
        if truth is not None and not unknown:
            yield {**row, "label": bool(truth)}


@pytest.mark.parametrize("name", FLOORS)
def test_real_responses(name):
    rows = list(labelled(name))
    verdicts = verify_many(
        {**{key: row.get(key) for key in KEYS}, "answer_type": row.get("answer_type")} for row in rows
    )
    agreed = sum(row["label"] is verdict.correct for row, verdict in zip(rows, verdicts, strict=True))
    assert agreed / len(rows) >= FLOORS[name]


def test_k12_golds_keep_their_type():
    if not K12.is_file():
        pytest.skip("no K12 golds beside the checkout")
    known = table("k12_types")
    for row in json.loads(K12.read_text(encoding="utf-8")):
        kind = classify_gold(row["answer"])
        name = hashlib.sha256(row["answer"].encode()).hexdigest()[:16]
        assert [kind.type, kind.usable] == known[name], row["answer"]


def test_k12_golds_answer_themselves():
    if not K12.is_file():
        pytest.skip("no K12 golds beside the checkout")
    for row in json.loads(K12.read_text(encoding="utf-8")):
        assert verify(f"<think>t</think><answer>{row['answer']}</answer>", row["answer"]).correct, row["answer"]


WRAPPINGS = (
    "<think>t</think><answer>{}</answer>",
    "\\boxed{{{}}}",
    "The answer is {}",
    "Answer: {}",
    "**Final answer**: {}",
    '{{"answer": {}}}',
)
"""Six ways in which models state an answer; the last holds the gold as JSON."""


def test_k12_golds_answer_themselves_in_every_wrapping():
    if not K12.is_file():
        pytest.skip("no K12 golds beside the checkout")
    refused = []
    for row in json.loads(K12.read_text(encoding="utf-8")):
        gold = row["answer"]
        kind = classify_gold(gold)
        # A whole solution behind a label says its reasons first, and `Answer: =` says nothing.
        if kind.usable and kind.type != "sentence" and gold.strip("$ ") != "=":
            for frame in WRAPPINGS:
                stated = json.dumps(gold) if frame.startswith("{{") else gold
                if not verify(frame.format(stated), gold).correct:
                    refused.append((frame, gold))
    assert not refused, (len(refused), refused[:10])
