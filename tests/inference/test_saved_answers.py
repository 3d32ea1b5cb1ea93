"""Saved answers are graded against the questions that they answer, or the file is refused."""

import re

import pytest

from mmk12.errors import BadInput
from mmk12.inference.generate import CompletionLog, generate, make_request
from mmk12.inference.replay import ReplayBackend, read_saved_answers
from mmk12.inference.saved_answers import join_answers
from mmk12.types import Completion, DroppedSample, GenerationFailure, Gold, Sample, Sampling, SavedAnswer
from mmk12.utils.storage import to_json
from tests.conftest import Scripted


def item(number, gold="4", source="toy", question=None, **more):
    asked = question or f"How many apples are in basket {number}?"
    return Sample(f"{source}/{number}", source, f"<image>{asked}", (), Gold(gold, **more))


ITEMS = [item(number, gold) for number, gold in enumerate(("4", "$\\frac{1}{2}$", "7", "12"), 1)]


def joined(answers, items=ITEMS, n=1):
    return join_answers(answers, items, n, "saved.jsonl")


def refused(answers, words, items=ITEMS, n=1):
    with pytest.raises(BadInput, match=re.escape(words)) as caught:
        joined(answers, items, n)
    assert "\n" not in str(caught.value)


def texts(found):
    return {f"{name}#{index}": answer.text for (name, index), answer in found.answers.items()}


def test_an_id_may_leave_out_the_benchmark():
    assert texts(joined([SavedAnswer("a", "toy/1"), SavedAnswer("b", "2")])) == {"toy/1#0": "a", "toy/2#0": "b"}


def test_no_match_shows_an_id_of_each_side():
    refused(
        [SavedAnswer("a", "q_1")], "No answer in saved.jsonl belongs to an item of toy: its first is 'q_1'; the first"
    )
    refused([SavedAnswer("a", "q_1")], "the first item of toy is '1'")
    refused([], "saved.jsonl holds no saved answer")


def test_answers_to_no_item_are_counted():
    found = joined([SavedAnswer("a", "1"), SavedAnswer("b", "77"), SavedAnswer("c", "78")])
    assert found.notes == ("2 of 3 saved answers belong to no item that was asked, first '77'",)


@pytest.mark.parametrize(
    ("answers", "n", "words"),
    [
        ([("a", "1", None), ("b", "1", None)], 1, "answers 1 and 2 are both to toy/1. Remove one, or count them"),
        ([("a", "1", None), ("x", "2", None), ("b", "toy/1", None)], 1, "answers 1 and 3 are both to toy/1"),
        ([("a", "1", 0), ("b", "1", 0)], 1, "answers 1 and 2 are both to toy/1. Remove one of them."),
        ([("a", "1", 0), ("b", "1", 0)], 2, "answers 1 and 2 are both to toy/1. Remove one of them."),
        ([("a", "1", None), ("b", "1", 0)], 4, "answers 1 and 2 are both to toy/1"),
    ],
)
def test_two_answers_in_one_place_are_refused(answers, n, words):
    refused([SavedAnswer(text, id_, index=index) for text, id_, index in answers], words, n=n)


def test_several_answers_to_an_item_are_its_samples_if_samples_are_asked_for():
    answers = [SavedAnswer("a", "1"), SavedAnswer("b", "2"), SavedAnswer("c", "1")]
    assert texts(joined(answers, n=2)) == {"toy/1#0": "a", "toy/2#0": "b", "toy/1#1": "c"}


def test_samples_that_were_not_asked_for_are_counted():
    found = joined([SavedAnswer("a", "1", index=0), SavedAnswer("b", "1", index=1)])
    assert texts(found) == {"toy/1#0": "a"}
    assert found.notes == ("1 saved answers are further samples of their items; --n counts them",)


def test_an_id_of_two_benchmarks_is_ambiguous():
    items = [item(1), item(1, source="other")]
    refused([SavedAnswer("a", "1")], "the id '1' is in toy and in other. Write 'toy/1'", items)
    assert texts(joined([SavedAnswer("a", "other/1")], items)) == {"other/1#0": "a"}


def test_a_row_number_needs_a_gold_or_question_that_agrees():
    refused([SavedAnswer("a", row=0)], "a row number is accepted only beside the `gold` or `question`")
    by_gold = [SavedAnswer(f"to {row}", row=row, gold=one.gold.text) for row, one in enumerate(ITEMS)]
    assert [answer.text for answer in joined(by_gold).answers.values()] == ["to 0", "to 1", "to 2", "to 3"]
    asked = "Hint: look at the figure.\nQuestion: How many  apples are in basket 2?"
    assert texts(joined([SavedAnswer("b", row=1, question=asked)])) == {"toy/2#0": "b"}


def test_row_numbers_that_lead_to_other_golds_are_refused():
    shifted = [SavedAnswer("a", row=row, gold=one.gold.text) for row, one in enumerate(ITEMS[1:])]
    refused(shifted, "3 of 3 answers are to other questions than the items that their rows lead to, first answer 1")
    refused([SavedAnswer("a", row=0, question="How many pears are in basket 9?")], "to other questions")


def test_a_corrected_gold_costs_its_row_and_not_the_file():
    items = [item(number, str(number)) for number in range(40)]
    answers = [SavedAnswer("a", row=row, gold=str(row)) for row in range(39)] + [SavedAnswer("a", row=39, gold="999")]
    found = joined(answers, items)
    assert len(found.answers) == 39
    assert found.notes == ("1 of 40 saved answers belong to no item that was asked, first row 39",)


def test_row_numbers_say_nothing_with_several_benchmarks():
    refused([SavedAnswer("a", row=0, gold="4")], "Evaluate one at a time", [item(1), item(1, source="other")])


@pytest.mark.parametrize(
    ("told", "gold"),
    [
        ("0.5", Gold("$\\frac{1}{2}$")),
        (" \\frac{1}{2}", Gold("$\\frac{1}{2}$")),
        ("(B)", Gold("B", "choice", ("5 cm", "6 cm"))),
        ("6 cm", Gold("B", "choice", ("5 cm", "6 cm"))),
        ("Increasing on $x>0$", Gold("increasing on $x > 0$")),
        ("{8\\sqrt{3}{squareinches}}", Gold("8\\sqrt{3}", released="{8\\sqrt{3}{squareinches}}")),
    ],
)
def test_golds_are_the_same_however_they_are_spelt(told, gold):
    sample = Sample("toy/1", "toy", "What?", (), gold)
    assert joined([SavedAnswer("a", row=0, gold=told)], [sample]).answers
    with pytest.raises(BadInput, match="other questions"):
        joined([SavedAnswer("a", row=0, gold="19")], [sample])


def test_ids_are_doubted_if_most_golds_are_others():
    answers = [SavedAnswer("a", one.id, gold=ITEMS[number - 1].gold.text) for number, one in enumerate(ITEMS)]
    refused(answers, "4 of 4 answers are to other questions than the items that their ids lead to")
    mostly = [SavedAnswer("a", one.id, gold=one.gold.text) for one in ITEMS[:3]] + [SavedAnswer("a", "4", gold="99")]
    assert len(joined(mostly).answers) == 4


def test_ids_from_0_where_items_count_from_1_are_row_numbers():
    refused([SavedAnswer("a", str(number)) for number in range(4)], "the ids run from 0 to 3, so they look like row")
    from_zero = [item(number) for number in range(4)]
    assert len(joined([SavedAnswer("a", str(number)) for number in range(4)], from_zero).answers) == 4
    assert len(joined([SavedAnswer("a", str(number)) for number in range(1, 5)]).answers) == 4


def test_an_item_that_cannot_be_used_keeps_its_row():
    items = [ITEMS[0], DroppedSample("toy/row 1", "toy", "load", "malformed row"), ITEMS[2]]
    answers = [SavedAnswer("a", row=row, gold=gold) for row, gold in ((0, "4"), (1, "?"), (2, "7"))]
    assert texts(joined(answers, items)) == {"toy/1#0": "a", "toy/row 1#0": "a", "toy/3#0": "a"}


# Files.


def saved(path, rows):
    path.write_text("".join((row if isinstance(row, str) else to_json(row)) + "\n" for row in rows))
    return path


def requests(backend, count, index=0):
    return [
        make_request(backend, f"toy/{number}", f"prompt {number}", (), Sampling(), index)
        for number in range(1, count + 1)
    ]


def test_a_file_is_replayed(tmp_path):
    backend = ReplayBackend(
        saved(
            tmp_path / "a.jsonl",
            [
                {"id": "toy/1", "response": "full id", "finish_reason": "length", "completion_tokens": 7},
                {"id": 2, "text": "native id", "prompt_tokens": "many"},
                {"id": "3", "index": 1, "response": "second rollout", "completion_tokens": -3},
            ],
        )
    )
    assert backend.join(ITEMS, 2) == []
    assert (backend.has_answer("toy/3"), backend.has_answer("toy/4")) == (True, False)
    full, native, absent, second = backend.generate([*requests(backend, 3), requests(backend, 3, index=1)[2]])
    assert (full.text, full.finish_reason, full.completion_tokens) == ("full id", "length", 7)
    assert (native.text, native.finish_reason, native.prompt_tokens) == ("native id", "stop", None)
    assert isinstance(absent, GenerationFailure)
    assert absent.reason == "no saved answer"
    assert (second.text, second.completion_tokens) == ("second rollout", None)


def test_the_log_of_a_run_is_replayed(tmp_path):
    backend, path = Scripted(lambda asked: f"answer to {asked.id}"), tmp_path / "completions.jsonl"
    asked = requests(backend, 2)
    generate(backend, asked, CompletionLog(path))
    replayed = ReplayBackend(tmp_path)
    replayed.join(ITEMS)
    answers = list(replayed.generate(requests(replayed, 2)))
    assert [one.text for one in answers if isinstance(one, Completion)] == ["answer to toy/1", "answer to toy/2"]


def test_of_a_run_only_the_answers_to_its_items_count(tmp_path):
    """An item that was asked in other words before has two answers in the log."""
    rows = [{"key": key, "id": "toy/1", "index": 0, "text": key, "finish_reason": "stop"} for key in ("earlier", "now")]
    saved(tmp_path / "completions.jsonl", rows)
    saved(tmp_path / "samples.jsonl", [{"id": "toy/1", "keys": ["now"]}])
    assert [answer.text for answer in read_saved_answers(tmp_path)] == ["now"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ('{"id": "1", "respon', "a.jsonl:1"),
        ({"id": "1"}, "is a JSONL file with columns id: no format of saved responses"),
        ({"response": "x"}, "every row needs `response` and an `id`, or a `row` number"),
        ({"response": ["x"], "id": "1"}, "and `response` is a list, no text"),
        ({"response": "x", "id": ["1"]}, "needs `response` and an `id`"),
        (
            {"response": "x", "id": "1", "index": "first"},
            "`index` counts the answers to one item from 0, and is 'first'",
        ),
        ({"response": "x", "id": "1", "index": -1}, "`index` counts"),
        ({"response": "x", "id": "1", "finish_reason": "lenght"}, "row 1: Unknown finish reason 'lenght'"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(tmp_path, row, words):
    with pytest.raises(BadInput, match=re.escape(words)):
        ReplayBackend(saved(tmp_path / "a.jsonl", [row]))
