"""Many verdicts: order, laziness, deadlines that kill, and threads."""

import itertools
import sys
import threading

import pytest

from mmk12.types import Gold
from mmk12.verifier import pool, verify, verify_many

ROWS = [{"id": str(i), "response": f"\\boxed{{{i % 7}}}", "gold": str(i % 5)} for i in range(150)]
EXPECTED = [verify(row["response"], row["gold"]) for row in ROWS]


@pytest.mark.parametrize("workers", [1, 2])
def test_order_is_kept(workers):
    assert list(verify_many(ROWS, workers=workers)) == EXPECTED


@pytest.mark.parametrize("workers", [1, 2])
def test_rows_are_read_as_verdicts_are_taken(workers):
    endless = (ROWS[i % len(ROWS)] for i in itertools.count())
    verdicts = verify_many(endless, workers=workers)
    assert list(itertools.islice(verdicts, 40)) == EXPECTED[:40]
    verdicts.close()


def test_no_rows():
    assert list(verify_many([], workers=2)) == []


def test_golds_travel_to_workers():
    rows = [
        {"response": "\\boxed{4}", "gold": Gold("B", kind="choice", choices=("3", "4"))},
        {"response": "\\boxed{0.333}", "gold": Gold("0.33", precision=2)},
        {"response": "\ud800", "gold": "1"},
    ]
    assert list(verify_many(rows, workers=2)) == list(verify_many(rows))


def test_it_works_off_the_main_thread():
    found = []
    thread = threading.Thread(target=lambda: found.extend(verify_many(ROWS, workers=2)))
    thread.start()
    thread.join(60)
    assert found == EXPECTED


STUBBORN = """
import json, os, sys, time
from mmk12.verifier import many as judge
real = judge.verify_row
def stubborn(row, profile):
    if row["response"] == "hang":
        time.sleep(1000)
    if row["response"] == "die":
        os._exit(3)
    return real(row, profile)
judge.verify_row = stubborn
from mmk12.verifier.pool import serve
serve(sys.argv[1])
"""


@pytest.fixture
def stubborn(monkeypatch):
    """Workers that hang or die on certain responses."""
    started = pool.subprocess.Popen

    def popen(command, **options):
        return started([sys.executable, "-c", STUBBORN, command[-1]], **options)

    monkeypatch.setattr(pool.subprocess, "Popen", popen)


def test_a_hanging_or_dying_row_costs_one_verdict(stubborn):
    rows = list(ROWS[:40])
    rows[3] = {"response": "hang", "gold": "1"}
    rows[17] = {"response": "die", "gold": "1"}
    rows[39] = {"response": "hang", "gold": "1"}
    with pool.Pool(2, deadline=0.5) as workers:
        found = list(workers.map(rows))
    assert [v.status for v in found if v.status in ("timeout", "error")] == ["timeout", "error", "timeout"]
    for index, verdict in enumerate(found):
        if index not in (3, 17, 39):
            assert verdict == EXPECTED[index]


def test_workers_are_gone_afterwards():
    with pool.Pool(2) as workers:
        list(workers.map(ROWS[:5]))
        processes = [worker.process for worker in workers.workers]
    assert all(process.poll() is not None for process in processes)
