"""Smoothing, bands and intervals: closed forms, scipy, and the scalar formulas of `mmk12.utils.stats`."""

import random

import numpy as np
import pandas as pd
import pytest
from scipy import stats as scipy_stats

from mmk12.plotting.curves import (
    Curve,
    experiment_name,
    group_by_experiment,
    largest_drop,
    read_curves,
    smooth,
    smoothing_span,
)
from mmk12.utils import stats
from mmk12.utils.stats import clustered_means, student_t_interval
from tests.training_runs import make_training_run


def test_smoothing_is_the_weighted_mean_it_says_it_is():
    keep = 1 - 2 / (3 + 1)
    third = (4 + keep * 2 + keep**2 * 1) / (1 + keep + keep**2)
    assert smooth(pd.Series([1.0, 2.0, 4.0]), 3).tolist() == pytest.approx([1.0, (2 + keep) / (1 + keep), third])
    assert [smoothing_span(points) for points in (10, 60, 1200)] == [3, 5, 100]


def test_few_points_are_not_smoothed():
    assert [smoothing_span(points) for points in (1, 3, 9)] == [0, 0, 0]
    three = pd.Series([58.0, 49.0, 61.0], index=[1, 13, 25])
    assert Curve("dumps", (three,)).smoothed().mean.tolist() == three.tolist()


def test_seeds_become_a_mean_with_the_interval_of_t():
    curve = Curve("demo", tuple(pd.Series([value, value], index=[1, 2]) for value in (0.4, 0.5, 0.6)))
    for band in (curve.raw(), curve.smoothed()):
        assert band.mean.tolist() == pytest.approx([0.5, 0.5])
        expected = scipy_stats.t.interval(0.95, 2, loc=0.5, scale=scipy_stats.sem([0.4, 0.5, 0.6]))
        assert (band.low[1], band.high[1]) == pytest.approx(expected)


def test_the_band_of_a_smoothed_line_is_that_of_smoothed_seeds():
    draw = random.Random(0)
    seeds = tuple(pd.Series([draw.gauss(0, 1) for _ in range(40)]) for _ in range(4))
    band = Curve("noise", seeds).smoothed()
    at_end = [smooth(series, smoothing_span(40)).iloc[-1] for series in seeds]
    expected = scipy_stats.t.interval(0.95, 3, loc=np.mean(at_end), scale=scipy_stats.sem(at_end))
    assert (band.low.iloc[-1], band.high.iloc[-1]) == pytest.approx(expected)


def test_seeds_of_different_lengths_and_a_seed_alone():
    long, short = pd.Series([1.0, 2.0, 3.0], index=[1, 2, 3]), pd.Series([3.0], index=[1])
    band = Curve("x", (long, short)).raw()
    assert band.mean.tolist() == [2.0, 2.0, 3.0]
    assert (band.high - band.low)[[2, 3]].tolist() == [0.0, 0.0]
    alone = Curve("x", (long,))
    assert alone.name == "x"
    assert alone.raw().low.tolist() == long.tolist()


def test_runs_are_seeds_of_one_experiment_by_name_and_folder(tmp_path):
    assert [experiment_name(name) for name in ("a-seed12", "a-seedx", "seed1")] == ["a", "a-seedx", "seed1"]
    paths = [tmp_path / name for name in ("x/kl-seed0", "x/kl-seed1", "y/kl-seed0", "y/plain")]
    assert [label for label, _ in group_by_experiment(paths)] == ["x/kl", "x/kl", "y/kl", "plain"]
    runs = [make_training_run(tmp_path / f"demo-seed{seed}", steps=2, prompts=1, seed=seed) for seed in range(2)]
    [curve] = read_curves(runs, "accuracy")
    assert curve.name == "demo (2 seeds)"
    assert read_curves(runs, "nothing") == []


def test_the_largest_drop_is_located_by_its_steps():
    assert largest_drop(pd.Series([1, 5, 4, 6, 2, 3, 7], index=range(10, 17))) == (13, 14, 4.0)
    assert largest_drop(pd.Series([1.0, 2.0], index=[1, 2]))[2] == 0.0


@pytest.mark.parametrize("clusters", [12, 60])
def test_column_wise_intervals_are_those_of_the_statistics_module(clusters):
    draw = random.Random(clusters)
    rows = [
        {"by": by, "prompt": (by, draw.randrange(clusters)), "acc": float(draw.random() < 0.2 * by)}
        for by in range(6)
        for _ in range(60)
    ]
    table = pd.DataFrame(rows).assign(prompt=lambda frame: frame["prompt"].astype(str))
    means = clustered_means(table, "acc", by="by", cluster="prompt")
    for by, part in table.groupby("by"):
        scores, names = part["acc"].tolist(), part["prompt"].tolist()
        expected = (
            stats.wilson_interval(round(scores[0]) * len(set(names)), len(set(names)))  # all 0 or all 1: prompts count
            if len(set(scores)) == 1
            else stats.clustered_interval(scores, names)
        )
        assert means.loc[by, "mean"] == pytest.approx(np.mean(scores))
        assert means.loc[by, ["low", "high"]].tolist() == pytest.approx([expected.low, expected.high])
        assert means.loc[by, "n"] == len(scores)


def test_one_prompt_tells_nothing_of_others():
    one = pd.DataFrame({"by": [0, 0], "prompt": [1, 1], "acc": [0.0, 1.0]})
    assert clustered_means(one, "acc", by="by", cluster="prompt").loc[0].tolist() == [0.5, 0.0, 1.0, 2]


def test_the_interval_of_a_mean_is_that_of_t():
    values = [1.0, 2.0, 4.0, 8.0]
    expected = scipy_stats.t.interval(0.95, 3, loc=np.mean(values), scale=scipy_stats.sem(values))
    interval = student_t_interval(pd.Series(values))
    assert (interval.low, interval.high) == pytest.approx(expected)
