"""The published reward: one test per defect of the ledger, each beside what the paper's profile says."""

import multiprocessing
import threading

import math_verify
import pytest

from mmk12.errors import MissingExtra
from mmk12.types import Gold
from mmk12.verifier import PROFILES, profiles, reward, verify, verify_many
from mmk12.verifier.pool import Pool
from mmk12.verifier.upstream_reward import check_upstream_format, find_last_box, grade_upstream

INSTRUCT, ZERO = "released_instruct", "released_zero"
BOXED = "\\boxed{4}"


def said(answer, thought="so"):
    return f"<think>{thought}</think>\n<answer>{answer}</answer>"


def both(response, gold):
    """(the published script pays, the paper's profile calls it right)"""
    return verify(response, gold, profile=INSTRUCT).correct, verify(response, gold, profile="paper_instruct").correct


@pytest.mark.parametrize("gold", ["B", "Yes", "rhombus", ""])
def test_a_gold_that_does_not_parse_pays_any_answer(gold):
    assert both(said("$17$ by symmetry"), gold) == (True, False)
    assert verify(said("$17$"), gold, profile=INSTRUCT).rule == "released: unparsable gold"
    assert reward(said("$17$"), gold, profile=INSTRUCT)["score"] == 1.5


@pytest.mark.parametrize(
    ("answer", "gold", "paid"),
    [("$x<2$", "$(-\\infty,2)$", True), ("$(-\\infty,2)$", "$x<2$", False)],
)
def test_swapped_arguments_pay_the_inequality_for_the_interval_and_not_the_reverse(answer, gold, paid):
    assert verify(said(answer), gold, profile=INSTRUCT).correct is paid
    # The Zero script has them in the right order: the reverse comes out.
    assert verify(f"\\boxed{{{answer.strip('$')}}}", gold, profile=ZERO).correct is not paid
    assert verify(said(answer), gold, profile="paper_instruct").correct


def test_a_section_on_several_lines_is_not_found_and_the_first_of_several_wins():
    assert both("<answer>$3$</answer> no, <answer>$4$</answer>", "$3$") == (True, False)
    several = "<answer>$3$\n</answer><answer>$4$</answer>"
    assert verify(several, "$4$", profile=INSTRUCT).correct
    # Not found means: everything behind the tag, whatever it closes with.
    assert both("<think>a</think><answer>\n4\n</answer> or 5, 6, $7$", "$7$") == (True, False)


@pytest.mark.parametrize(
    ("answer", "gold", "paid", "right"),
    [
        ("nothing", "$A$", False, False),
        ("Earth", "$A$", True, False),
        ("a triangle", "$A$", True, False),
        ("not sure, but so it goes", "$B$", True, False),
        ("I do not know", "$D$", True, False),
        ("A, as boxed above", "$A$", False, True),
        ("(A) because", "$A$", False, True),
    ],
)
def test_letters_are_searched_as_substrings(answer, gold, paid, right):
    assert both(said(answer), gold) == (paid, right)


@pytest.mark.parametrize("profile", [INSTRUCT, ZERO])
def test_an_exception_pays_nothing_and_looks_like_wrong(profile, monkeypatch):
    def fails(*_, **__):
        raise RecursionError("too deep")

    monkeypatch.setattr(math_verify, "verify", fails)
    verdict = grade_upstream(f"<think>a</think><answer>$4$</answer>{BOXED}", "$4$", profile)
    assert (verdict.status, verdict.rule) == ("wrong", "released: exception")


@pytest.mark.slow
def test_hostile_input_is_killed_at_the_deadline():
    hostile = {"response": said("$" + "{" * 3000 + "1" + "}" * 3000 + "$"), "gold": "$4$"}
    easy = {"response": said("$4$"), "gold": "$4$"}
    with Pool(1, INSTRUCT, deadline=1.0) as pool:
        found = list(pool.map([easy, hostile, easy]))
    assert [verdict.status for verdict in found] == ["correct", "timeout", "correct"]
    assert [verdict.format_ok for verdict in found] == [True, True, True]


def test_the_zero_format_demands_300_characters_of_thinking():
    short, long = (said("\\boxed{4}", thought="x" * n) for n in (299, 300))
    assert reward(short, "4", profile=ZERO) == {**reward(short, "5", profile=ZERO), **paid(acc=1.0, format=0.0)}
    assert reward(long, "4", profile=ZERO)["score"] == 2.0
    assert reward(short, "4", profile="paper_zero")["score"] == 2.0


def paid(*, acc, format):
    return {"score": acc + format, "acc": acc, "format": format, "status_correct": acc, "status_wrong": 1.0 - acc}


@pytest.mark.parametrize(
    ("response", "instruct", "zero", "paper"),
    [
        (said("4", "x" * 300), True, True, True),
        (said("4", "x" * 300) + "\n", True, True, True),
        ("well " + said("4", "x" * 300) + " done", True, False, False),
        (said("4", " " * 300), True, False, False),
        (said(" ", "x" * 300), True, True, False),
        (said("", "x" * 300), False, False, False),
        ("<answer>4</answer><think>x</think>", False, False, False),
        (said("4") + said("4"), False, False, False),
        ("<think>x</think> so <answer>4</answer>", False, False, False),
        ("4", False, False, False),
    ],
)
def test_the_two_scripts_differ_in_format_and_in_its_weight(response, instruct, zero, paper):
    assert (check_upstream_format(response, INSTRUCT), check_upstream_format(response, ZERO)) == (instruct, zero)
    for profile, weight, formed in ((INSTRUCT, 0.5, instruct), (ZERO, 1.0, zero), ("paper_instruct", 0.5, paper)):
        assert reward(response, "$5$", profile=profile)["score"] == weight * formed


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("\\boxed{1} and \\boxed{2}", "\\boxed{2}"),
        ("\\boxed{\\frac{1}{2}}", "\\boxed{\\frac{1}{2}}"),
        ("\\boxed{a \\boxed{b}}", "\\boxed{a \\boxed{b}}"),
        ("\\boxed{1} \\boxed{2", "\\boxed{1}"),
        ("\\boxed{1 \\boxed{2}", "\\boxed{2}"),
        ("} \\boxed{1} {", "\\boxed{1}"),
        ("none", ""),
        ("\\boxed{" * 50_000, ""),
    ],
)
def test_the_zero_script_grades_the_last_box(text, box):
    assert find_last_box(text) == box


def test_the_zero_script_reads_boxes_only():
    thought = "<think>\\boxed{4}</think><answer>5</answer>"
    assert verify(thought, "4", profile=ZERO).correct
    assert not verify(thought, "4", profile="paper_zero").correct
    assert not verify(said("4"), "4", profile=ZERO).correct
    assert verify("no box", "", profile=ZERO).correct


@pytest.mark.slow
def test_every_door_leads_to_the_same_verdict():
    rows = [{"response": said(f"${i}$"), "gold": Gold("$2$")} for i in range(4)]
    expected = [verify(row["response"], row["gold"], profile=INSTRUCT) for row in rows]
    assert [verdict.correct for verdict in expected] == [False, False, True, False]
    assert list(verify_many(rows, profile=INSTRUCT)) == expected
    assert list(verify_many(rows, profile=INSTRUCT, workers=2)) == expected


def test_it_works_from_eight_threads():
    found = {}

    def work(number):
        found[number] = [verify(said(f"${i}$"), f"${number}$", profile=INSTRUCT).correct for i in range(8)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert found == {number: [i == number for i in range(8)] for number in range(8)}


def _graded(answer):
    return verify(said(answer), "$4$", profile=INSTRUCT).correct


@pytest.mark.slow
@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_child_processes_have_workers_of_their_own(method):
    assert _graded("$4$")
    with multiprocessing.get_context(method).Pool(2) as children:
        assert children.map(_graded, ["$4$", "$5$"]) == [True, False]
    assert _graded("$4$")


def test_without_math_verify_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(profiles, "find_spec", lambda name: None)
    for name, profile in PROFILES.items():
        if profile.released:
            with pytest.raises(MissingExtra, match=r"mmk12\[released\]"):
                verify(said("4"), "4", profile=name)
            with pytest.raises(MissingExtra):
                list(verify_many([], profile=name))
        else:
            assert verify(said("4"), "4", profile=name).correct
