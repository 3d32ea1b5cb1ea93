"""Many verdicts: order, laziness, deadlines that kill, and threads."""

import itertools
import multiprocessing
import selectors
import subprocess
import sys
import threading
import time
from pathlib import Path

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
from mmk12.verifier import worker
real = worker._grade
def stubborn(row, profile):
    if row["response"] == "hang":
        time.sleep(1000)
    if row["response"] == "slow":
        time.sleep(0.5)
    if row["response"] == "die":
        os._exit(3)
    return real(row, profile)
worker._grade = stubborn
worker.serve(sys.argv[1])
"""


@pytest.fixture
def stubborn(monkeypatch):
    """Workers that hang or die on certain responses."""
    started = pool.subprocess.Popen

    def popen(command, **options):
        return started([sys.executable, "-c", STUBBORN, command[-1]], **options)

    monkeypatch.setattr(pool.subprocess, "Popen", popen)


@pytest.mark.slow
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


@pytest.mark.slow
@pytest.mark.parametrize("window", [1, 2])
def test_a_slow_row_holds_the_others_up_and_nothing_else(stubborn, monkeypatch, window):
    monkeypatch.setattr(pool, "BATCH", 1)
    monkeypatch.setattr(pool, "WINDOW", window)
    rows = [{"response": "slow", "gold": "1"} if i in (0, 5) else row for i, row in enumerate(ROWS[:12])]
    with pool.Pool(2) as workers:
        found = list(workers.map(rows))
    assert [v for i, v in enumerate(found) if i not in (0, 5)] == [
        v for i, v in enumerate(EXPECTED[:12]) if i not in (0, 5)
    ]


def test_workers_are_gone_afterwards():
    with pool.Pool(2) as workers:
        list(workers.map(ROWS[:5]))
        processes = [worker.process for worker in workers.workers]
    assert all(process.poll() is not None for process in processes)


SLOW = "import time; time.sleep(1.5)\n" + STUBBORN


@pytest.mark.slow
def test_slow_workers_are_waited_for_and_not_asked_again_and_again(monkeypatch):
    started, waits = pool.subprocess.Popen, []

    class Selector(selectors.DefaultSelector):
        def select(self, timeout=None):
            waits.append(timeout)
            return super().select(timeout)

    monkeypatch.setattr(pool.selectors, "DefaultSelector", Selector)
    monkeypatch.setattr(
        pool.subprocess, "Popen", lambda command, **given: started([sys.executable, "-c", SLOW, command[-1]], **given)
    )
    with pool.Pool(2, deadline=0.2) as workers:
        found = list(workers.map(ROWS[:5]))
    assert found == EXPECTED[:5]
    assert len(waits) < 20


def test_a_worker_that_dies_idle_costs_nothing():
    with pool.Pool(1) as workers:
        assert list(workers.map(ROWS[:5])) == EXPECTED[:5]
        workers.workers[0].process.kill()
        workers.workers[0].process.wait()
        assert list(workers.map(ROWS)) == EXPECTED


def test_a_caller_who_leaves_does_not_confuse_the_next():
    with pool.Pool(1) as workers:
        assert next(workers.map(ROWS)) == EXPECTED[0]
        assert list(workers.map(ROWS[50:60])) == EXPECTED[50:60]


def test_it_works_from_eight_threads():
    found = {}

    def work(number):
        found[number] = list(verify_many(ROWS[:20], workers=1 + number % 2))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert found == dict.fromkeys(range(8), EXPECTED[:20])


def _in_a_child(_):
    return [verdict.status for verdict in verify_many(ROWS[:20], workers=2)]


def test_it_works_under_spawn():
    with multiprocessing.get_context("spawn").Pool(1) as children:
        [found] = children.map(_in_a_child, [0])
    assert found == [verdict.status for verdict in EXPECTED[:20]]


ORPHAN = """
import subprocess, sys
started = subprocess.Popen
subprocess.Popen = lambda command, **options: started([sys.executable, "-c", sys.argv[1], command[-1]], **options)
from mmk12.verifier.pool import Pool
pool = Pool(2, deadline=100)
print(*[worker.process.pid for worker in pool.workers], flush=True)
rows = [{"response": "1", "gold": "1"}] * 16 + [{"response": "hang", "gold": "1"}] * 16
for verdict in pool.map(rows):
    print("one", flush=True)
"""


def test_workers_do_not_outlive_a_killed_parent_even_in_the_middle_of_a_row():
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN, STUBBORN], stdout=subprocess.PIPE, text=True)
    with parent:
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        for _ in range(16):
            parent.stdout.readline()
        parent.kill()
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while any(_alive(worker) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _alive(pid):
    """Whether that process runs; one that waits to be collected by the machine's first process does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
