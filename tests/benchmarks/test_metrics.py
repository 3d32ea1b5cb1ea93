"""The metrics over several items: We-Math's four ways, DynaMath's worst case."""

import csv
import random
from collections import Counter

import pytest

from mmk12.datasets.registry import load_benchmark
from mmk12.types import Graded


def wemath_items(outcomes):
    """The graded items of problems, given as {id: (steps, composite)}."""
    return [
        Graded(f"{name}_{part}", name, {"part": part}, right)
        for name, (steps, multi) in outcomes.items()
        for part, right in [*((str(n), right) for n, right in enumerate(steps, 1)), ("multi", multi)]
    ]


def official_wemath(outcomes):
    """The counts of upstream's script, written as it counts: five filters per number of steps and kind."""
    counts = Counter()
    for steps, multi in outcomes.values():
        if not multi:
            counts["IG" if all(steps) else "IK"] += 1
            continue
        counts["CM strict" if all(steps) else "RM strict"] += 1
        counts["CM loose" if any(steps) else "RM loose"] += 1
    total = len(outcomes)
    numbers = {"insufficient knowledge": counts["IK"] / total, "inadequate generalization": counts["IG"] / total}
    for kind in ("strict", "loose"):
        mastery, rote = counts[f"CM {kind}"], counts[f"RM {kind}"]
        numbers[f"score, {kind}"] = (total - 0.5 * counts["IG"] - rote - counts["IK"]) / total
        numbers[f"complete mastery, {kind}"] = mastery / total
        numbers[f"rote memorization, {kind}"] = rote / (mastery + rote) if mastery + rote else None
    return numbers


@pytest.mark.slow
def test_wemath_is_the_official_arithmetic_on_a_thousand_outcomes():
    measure, rng = load_benchmark("wemath").metrics, random.Random(0)
    for trial in range(1000):
        chance = rng.random()
        outcomes = {
            f"{steps}steps_{n}": ([rng.random() < chance for _ in range(steps)], rng.random() < chance)
            for steps, size in ((2, rng.randint(0, 36)), (3, rng.randint(1, 17)))
            for n in range(size)
        }
        found = measure(wemath_items(outcomes))
        assert {name: rate.value for name, rate in found.items()} == pytest.approx(official_wemath(outcomes)), trial
        for name, rate in found.items():
            if rate.value is not None:
                assert rate.interval.low - 1e-9 <= rate.value <= rate.interval.high + 1e-9, (trial, name)


def test_wemath_leaves_out_a_problem_that_lacks_an_item():
    items = wemath_items({"2steps_1": ([True, True], True), "3steps_2": ([True, True, True], False)})
    found = load_benchmark("wemath").metrics(items)
    assert (found["score, strict"].value, found["score, strict"].n) == (0.75, 2)
    cut = load_benchmark("wemath").metrics(items[:-1])
    assert (cut["score, strict"].value, cut["score, strict"].n) == (1.0, 1)
    assert load_benchmark("wemath").metrics([])["score, loose"].value is None


def dynamath_items(flags):
    return [
        Graded(f"{seed}-{variant}", seed, {}, right)
        for seed, row in flags.items()
        for variant, right in enumerate(row, 1)
    ]


def test_dynamath_average_and_worst_case():
    measure = load_benchmark("dynamath").metrics
    flags = {"1": [True] * 10, "2": [True] * 9 + [False], "3": [False] * 10, "4": [True] * 4}
    found = {name: (rate.value, rate.n) for name, rate in measure(dynamath_items(flags)).items()}
    assert found["average"] == (pytest.approx(19 / 30), 3), "the seed without all variants is left out"
    assert found["worst case"] == (pytest.approx(1 / 3), 3)
    assert found["worst case / average"][0] == pytest.approx(10 / 19)
    assert measure([])["worst case"].value is None


@pytest.mark.shared
def test_dynamath_gives_the_published_numbers_of_the_published_flags(shared):
    with (shared / "data" / "dynamath" / "GPT4o-result.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["Question ID"].startswith("Q")]
    flags = {row["Question ID"]: [row[f"Variant {n}"] == "correct" for n in range(1, 11)] for row in rows}
    found = load_benchmark("dynamath").metrics(dynamath_items(flags))
    assert found["average"].n == 501
    assert round(100 * found["average"].value, 2) == 63.33
    assert round(100 * found["worst case"].value, 2) == 34.73
