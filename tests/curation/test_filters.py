"""Stages: what they let through, what they drop, and with which reason and evidence."""

import dataclasses

import pytest

from mmk12.curation import verifiability
from mmk12.curation.filters import cap, normalise
from mmk12.curation.sampling import index_of, sample_ids
from mmk12.curation.stage_cache import StageOutput, is_current, save_outputs
from mmk12.curation.verifiability import verifiable
from mmk12.datasets.gold_check import find_gold_fault, make_near_misses
from mmk12.errors import BadInput
from mmk12.types import DroppedSample, Gold, Image, Sample, Verdict

RED, BLUE = Image("a" * 64, 40, 30), Image("b" * 64, 40, 30)


def sample(name="1", question="What?", gold="$4$", images=(), source="toy", **changes):
    return Sample(f"{source}/{name}", source, question, images, Gold(gold), **changes)


@pytest.fixture
def run(tmp_path):
    def runner(stage, samples, **settings):
        path = tmp_path / "in.jsonl"
        save_outputs(path, "key", samples)
        return list(stage(StageOutput(path), **settings))

    return runner


@pytest.fixture
def verified(run):
    """The stage `verifiable` with the demo's reward."""

    def runner(samples, letters=False):
        return run(verifiable, samples, reward="paper_instruct", letters=letters)

    return runner


def test_a_prompt_that_is_too_long_is_dropped_by_name_and_one_that_cannot_be_measured_stays(run):
    lengths = {"toy/1": 4096, "toy/2": 4097, "toy/3": None}
    outcomes = run(normalise, [sample(name) for name in "123"], longest=4096, measure=lambda sample: lengths[sample.id])
    assert [type(outcome) for outcome in outcomes] == [Sample, DroppedSample, Sample]
    assert outcomes[1] == DroppedSample(
        "toy/2", "toy", "normalise", "prompt too long", "4097 tokens, max_prompt is 4096"
    )


def test_a_question_with_a_placeholder_for_its_number_is_dropped(run):
    kept = (
        "Let $N_1$ be the number of sides.",
        r"\(N_0 + N_1\) people",
        "Find N_a.",
        "See CN_12 and \\N_3.",
        "N_1x = 2",
    )
    lost = (
        "angle A = N_0 , what is B?",
        "N_12 cm",
        "角A=N_3,则",
        "S = NS_2",
        "$x$ is N_1, $y$ is 2",
    )
    outcomes = run(normalise, [sample(str(number), text) for number, text in enumerate((*kept, *lost))])
    dropped = [outcome for outcome in outcomes if isinstance(outcome, DroppedSample)]
    assert [one.id for one in dropped] == [f"toy/{len(kept) + number}" for number in range(len(lost))]
    assert {one.reason for one in dropped} == {"placeholder instead of a number"}
    assert dropped[0].evidence == "N_0"


def test_outcomes_come_back_as_they_were(tmp_path):
    gold = Gold("A", "choice", ("x", "y"), 2, "cm")
    rows = [
        dataclasses.replace(sample(images=(RED, BLUE), tags={"topic": "π"}, cluster="c"), gold=gold),
        DroppedSample("toy/2", "toy", "load", "why", "evidence\n\ud800"),
        sample("3", question="lone \ud800 surrogate"),
    ]
    path = tmp_path / "x.jsonl"
    save_outputs(path, "key", rows)
    back = StageOutput(path)
    assert list(back) == [rows[0], rows[2]]
    assert list(back.drops()) == [rows[1]]
    assert len(back) == 2
    assert back.read == {"toy": 3}
    assert is_current(path, "key")
    assert not is_current(path, "other key")
    assert not is_current(tmp_path / "none", "key")


def test_damaged_outcomes_are_told(tmp_path):
    path = tmp_path / "x.jsonl"
    save_outputs(path, "key", [sample()])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadInput, match="damaged"):
        list(StageOutput(path))


def test_normalise_plain_text(run):
    (kept,) = run(normalise, [sample(question=" e\u0301tude \r\n\x00x \u200b\n", gold=" $4$\n")])
    assert kept.question == "étude\nx"
    assert kept.gold.text == "$4$"


@pytest.mark.parametrize(
    "mark", ["<video>", "<audio>", "<IMG_CONTEXT>", "<img>", "</img>", "<|im_end|>", "<|image_pad|>"]
)
def test_normalise_drops_marks_that_break_prompts(run, mark):
    (drop,) = run(normalise, [sample(question=f"see {mark} here")])
    assert (drop.stage, drop.reason, drop.evidence) == ("normalise", "reserved mark in question", mark)


def test_normalise_keeps_comparisons_and_image_marks(run):
    question = "<image>Is a<b and |x|<3 or <|x y|>?"
    (kept,) = run(normalise, [sample(question=question, images=(RED,))])
    assert kept.question == question


def test_normalise_drops_text_that_is_not_unicode(run):
    (drop,) = run(normalise, [sample(question="lone \ud800 surrogate")])
    assert drop.reason == "not valid Unicode"


@pytest.mark.parametrize(
    "gold", ["$4$", "4", r"$\frac{3}{8}$", r"$40^{\circ}$", "$(2,-1)$", "$12$ cm", r"$2\sqrt{3}$", "$x+1$", r"$\pi$"]
)
def test_usable_golds_pass(verified, gold):
    assert verified([sample(gold=gold)]) == [sample(gold=gold)]


@pytest.mark.parametrize("gold", ["", "  ", "$$"])
def test_empty_golds_are_dropped(verified, gold):
    (drop,) = verified([sample(gold=gold)])
    assert (drop.stage, drop.reason) == ("verifiable", "gold cannot be graded")
    assert drop.evidence


LETTER = Gold("B", "choice", ("3 cm", "5 cm", "7 cm"))


def test_sympy_keeps_the_golds_that_it_can_grade_where_the_recipe_asks_for_it(run):
    golds = [r"\int_0^1 x^2\,dx", r"\sum_{k=1}^{n} k", r"\int f(x)\,dx", "$4$", r"\sum_{i=1}^{n} x_i"]
    samples = [sample(str(number), gold=gold) for number, gold in enumerate(golds)]
    kept = {
        reward: [
            one.gold.text for one in run(verifiable, samples, reward=reward, letters=False) if isinstance(one, Sample)
        ]
        for reward in ("strict", "strict+sympy")
    }
    assert kept == {"strict": ["$4$"], "strict+sympy": [golds[0], golds[1], "$4$"]}


def test_letters_are_golds_only_where_the_recipe_says_so(verified):
    row = dataclasses.replace(sample(), gold=LETTER)
    (drop,) = verified([row])
    assert (drop.reason, drop.evidence) == ("only a letter answers it", "B")
    assert verified([row], letters=True) == [row]


@pytest.mark.parametrize(
    ("statuses", "reason"),
    [
        (("correct", "wrong"), None),
        (("wrong", "wrong"), "gold does not pass as its own answer"),
        (("correct", "correct"), "a near miss of the gold passes"),
        (("correct", "correct", "wrong"), None),
    ],
)
def test_a_grader_that_cannot_tell_drops_the_row(statuses, reason):
    found = find_gold_fault(
        Gold("$4$"), [Verdict(status, None, "toy", "because", True, "strict") for status in statuses]
    )
    assert (found and found[0]) == reason
    assert found is None or found[1]


def test_several_processes_judge_the_same(verified, monkeypatch):
    rows = [sample(str(number), gold=gold) for number, gold in enumerate(["$4$", "", r"$\frac{1}{2}$", "$$"] * 3)]
    alone = verified(rows)
    monkeypatch.setattr(verifiability, "_PARALLEL_FROM", 1)
    assert verified(rows) == alone


@pytest.mark.parametrize(
    ("text", "misses"),
    [
        ("4", ["5", "5"]),
        ("19", ["20", "10"]),
        ("1^5", ["2^6", "1^6"]),
        ("A", ["B"]),
        ("Z", ["A"]),
        (r"\pi", [r"\pi 7"]),
        (r"x\pi", [r"y\pi"]),
        ("", [" 7"]),
    ],
)
def test_near_misses(text, misses):
    assert make_near_misses(text) == misses


def test_cap_draws_the_same_rows_in_any_order(run):
    rows = [sample(str(number)) for number in range(50)] + [sample("x", source="free")]
    kept = [row.id for row in run(cap, rows, caps={"toy": 10}, seed=0) if isinstance(row, Sample)]
    assert len(kept) == 11
    again = [row.id for row in run(cap, rows[::-1], caps={"toy": 10}, seed=0) if isinstance(row, Sample)]
    assert sorted(again) == sorted(kept)
    assert run(cap, rows, caps={"toy": 90}, seed=0) == rows


def test_drawn_adds_and_never_swaps():
    ids = [f"toy/{number}" for number in range(100)]
    assert sample_ids(ids, 10, "salt") < sample_ids(ids, 20, "salt")
    assert sample_ids(ids, 10, "salt") != sample_ids(ids, 10, "pepper")
    assert sample_ids(ids, 0, "salt") == frozenset()


def test_index_is_exact_in_json_and_in_floats():
    indices = [index_of(f"toy/{number}") for number in range(10_000)]
    assert len(set(indices)) == 10_000
    assert all(int(float(index)) == index for index in indices)
