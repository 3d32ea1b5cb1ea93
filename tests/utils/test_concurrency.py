"""Threads share the work; order, errors and memory are as if there were one."""

import threading
import time

import pytest

from mmk12.utils.concurrency import _AHEAD, _BATCH, count_cores, map_in_threads


def test_results_come_in_order():
    def slow_if_even(number):
        time.sleep(0.002 * (number % 2 == 0))
        return number * number

    assert list(map_in_threads(slow_if_even, range(200))) == [number * number for number in range(200)]
    assert list(map_in_threads(slow_if_even, [])) == []


def test_only_a_few_items_are_taken_ahead():
    taken = []
    results = map_in_threads(lambda number: number, (taken.append(n) or n for n in range(10_000)))
    assert next(results) == 0
    assert len(taken) <= (_AHEAD * count_cores() + 1) * _BATCH
    results.close()
    assert len(taken) <= (_AHEAD * count_cores() + 1) * _BATCH


def test_an_error_comes_in_its_place():
    def fails_at_three(number):
        if number == 3:
            raise ValueError("three")
        return number

    results = map_in_threads(fails_at_three, range(10))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_items_are_taken_in_the_callers_thread():
    def items():
        for _ in range(5):
            yield threading.current_thread()

    assert set(map_in_threads(lambda thread: thread, items())) == {threading.current_thread()}
