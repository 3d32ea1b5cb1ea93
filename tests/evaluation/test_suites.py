"""Suites are names for several benchmarks."""

import pytest

from mmk12.datasets.registry import load_benchmark
from mmk12.errors import UnknownName
from mmk12.evaluation.suites import SUITES, expand_suites


def test_every_benchmark_of_a_suite_exists_and_is_named_once():
    for suite, refs in SUITES.items():
        assert len(set(refs)) == len(refs), suite
        assert [load_benchmark(ref).name for ref in refs] == list(refs)


def test_a_suite_is_replaced_by_its_benchmarks():
    assert expand_suites(["demo", "paper"]) == ["demo", *SUITES["paper"]]
    assert expand_suites(["mine.py", "mathverse:vision_only"]) == ["mine.py", "mathverse:vision_only"]


def test_a_misspelt_suite_suggests_the_nearest():
    with pytest.raises(UnknownName, match="Did you mean 'opencompass_reasoning'"):
        expand_suites(["opencompass_reasonning"])
