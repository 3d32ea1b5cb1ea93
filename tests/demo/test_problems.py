"""The demo's problems: right, unambiguous, reproducible, and told apart into train and test for good."""

import dataclasses
import io
import random
import re
from collections import defaultdict
from fractions import Fraction
from itertools import islice

import pytest
from PIL import Image

from mmk12.demo import generate_problems, problems
from mmk12.demo.drawing import SIZE
from mmk12.demo.problems import FAMILIES
from mmk12.errors import MissingData
from mmk12.verifier import verify

NAMES = [family.name for family in FAMILIES]


@pytest.fixture(scope="module")
def many():
    return [*generate_problems("train", 720, seed=11), *generate_problems("test", 360, seed=12)]


def number_in(question):
    (number,) = re.findall(r"\d+", question)
    return int(number)


def printed(value):
    """A rational as a textbook prints it."""
    sign = "-" if value < 0 else ""
    top, bottom = abs(value.numerator), value.denominator
    return f"${sign}{top}$" if bottom == 1 else f"${sign}\\frac{{{top}}}{{{bottom}}}$"


def pythagoras(shown, _question):
    upright, level, slanted = shown
    return f"${slanted - upright - level if slanted else upright + level}$"


def reflection(shown, question):
    x, y = shown
    across = -1 if "origin" in question or "$y$-axis" in question else 1
    up = -1 if "origin" in question or "$x$-axis" in question else 1
    return f"$({across * x},{up * y})$"


def bar_chart(shown, question):
    scale, *heights = shown
    asked = question.split("are in classes A, B and C.")[-1].split("A, B and C.")[-1]
    first, second = re.findall(r"\b[ABC]\b", asked.removeprefix("As"))
    values = [scale * heights["ABC".index(bar)] for bar in (first, second)]
    return f"${sum(values) if 'together' in question else values[0] - values[1]}$"


def clock(shown, question):
    hour, minute = shown
    later = hour * 60 + minute + number_in(question)
    return f"${(later // 60 - 1) % 12 + 1}:{later % 60:02}$"


def pattern(shown, question):
    first, step = shown
    squares = first
    for _ in range(number_in(question) - 1):
        squares += step
    return f"${squares}$"


DERIVED = {
    "triangle_angle": lambda shown, _: f"${180 - sum(shown)}^{{\\circ}}$",
    "pythagoras": pythagoras,
    "perimeter": lambda shown, _: f"${shown[0] + shown[1] + shown[0] + shown[1]}$ {('cm', 'm')[shown[2]]}",
    "grid_area": lambda shown, _: f"${shown[0] * shown[1] - shown[2] * shown[3]}$ cm$^{{2}}$",
    "ring": lambda shown, _: f"${(shown[0] - shown[1]) * (shown[0] + shown[1])}\\pi$",
    "reflection": reflection,
    "slope": lambda shown, _: printed(Fraction(shown[3] - shown[1], shown[2] - shown[0])),
    "bar_chart": bar_chart,
    "mean": lambda shown, _: printed(Fraction(sum(shown), len(shown))),
    "shaded_fraction": lambda shown, _: printed(Fraction(shown[2] * shown[1] + shown[3], shown[0] * shown[1])),
    "pattern": pattern,
    "clock": clock,
}


def test_every_family_has_an_independent_derivation():
    assert sorted(DERIVED) == sorted(NAMES)
    assert len(NAMES) >= 8
    assert len({family.topic for family in FAMILIES}) >= 4


def test_answers_follow_from_figure_and_question(many):
    for problem in many:
        assert problem.answer == DERIVED[problem.family](problem.shown, problem.question), problem


def test_solutions_end_in_the_answer(many):
    for problem in many:
        value = problem.answer.split("$")[1].removesuffix("^{\\circ}")
        assert value in problem.solution.rsplit(" ", 3)[-1] + problem.solution, problem
        assert problem.solution.endswith(".")


def test_equations_in_solutions_hold(many):
    for problem in many:
        for a, sign, b, result in re.findall(r"(?<![\d^+-])(\d+)([+-])(\d+)=(-?\d+)", problem.solution):
            assert (int(a) + int(b) if sign == "+" else int(a) - int(b)) == int(result), problem


def test_the_verifier_pays_the_gold_and_no_other_answer(many):
    golds = defaultdict(set)
    for problem in many:
        golds[problem.family].add(problem.answer)
    for problem in many[:240]:
        response = f"<think>{problem.solution}</think><answer>{problem.answer}</answer>"
        verdict = verify(response, problem.answer)
        assert verdict.correct, (problem, verdict)
        assert verdict.format_ok
        other = next(gold for gold in sorted(golds[problem.family]) if gold != problem.answer)
        assert not verify(f"<think>By eye.</think><answer>{other}</answer>", problem.answer).correct


def test_figures_are_one_tile_and_not_empty(many):
    for problem in many[:120]:
        with Image.open(io.BytesIO(problem.png)) as figure:
            assert (figure.format, figure.mode, figure.size) == ("PNG", "RGB", (SIZE, SIZE))
            assert len(figure.getcolors(maxcolors=SIZE * SIZE)) > 3


@pytest.mark.slow
def test_the_figure_is_needed():
    answers = defaultdict(set)
    for problem in generate_problems("train", 3000, seed=3):
        answers[problem.question].add(problem.answer)
    assert sum(len(found) > 1 for found in answers.values()) > 0.9 * len(answers)


def test_families_take_turns_and_are_worded_in_several_ways(many):
    wordings = defaultdict(set)
    for problem in many:
        wordings[problem.family].add(problem.question.split()[0])
    assert all(len(found) >= 2 for found in wordings.values()), wordings
    counts = [sum(problem.family == name for problem in many) for name in NAMES]
    assert len(set(counts)) == 1


def test_the_same_arguments_give_the_same_problems():
    assert list(generate_problems("test", 40, seed=5)) == list(generate_problems("test", 40, seed=5))
    assert list(generate_problems("test", 20, seed=5)) == list(islice(generate_problems("test", 40, seed=5), 20))
    assert {p.id for p in generate_problems("test", 40, seed=5)} != {
        p.id for p in generate_problems("test", 40, seed=6)
    }


@pytest.mark.slow
def test_no_problem_comes_twice(many):
    found = [problem.id for problem in generate_problems("test", 1200)]
    assert len(set(found)) == len(found)


@pytest.mark.slow
def test_no_parameters_are_in_both_splits_whatever_the_seed(monkeypatch):
    used = defaultdict(set)
    split = "train"

    def spied(family):
        def pose(parameters, rng):
            used[split].add((family.name, parameters))
            return family.pose(parameters, rng)

        return dataclasses.replace(family, pose=pose)

    monkeypatch.setattr(problems, "FAMILIES", tuple(map(spied, FAMILIES)))
    for seed in range(3):
        for split in ("train", "test"):
            assert len(list(generate_problems(split, 240, seed))) == 240
    assert len(used["train"]) > 200
    assert not used["train"] & used["test"]


@pytest.mark.parametrize("family", FAMILIES, ids=NAMES)
def test_a_family_poses_all_its_parameters(family):
    everything = list(family.parameters())
    assert len(set(everything)) == len(everything) >= 30
    shares = sum(problems.split_of(family.name, item) == "test" for item in everything) / len(everything)
    assert 0.1 < shares < 0.4
    for parameters in random.Random(0).sample(everything, 30):
        posed = family.pose(parameters, random.Random(1))
        assert posed.answer == DERIVED[family.name](posed.shown, posed.question)


def test_asking_for_too_many_says_so(monkeypatch):
    monkeypatch.setattr(problems, "_ATTEMPTS", 3)
    with pytest.raises(MissingData, match="no more distinct"):
        list(generate_problems("test", 20_000))
