"""Verdicts from several processes, each with a hard deadline; a process that misses it is killed and replaced.

The rules of the verifier are bounded and need no deadline. Graders that are not (the `released_*` profiles) do, and
one that hangs must cost one verdict, not a training run. Workers are plain subprocesses that exchange JSON lines:
this works from any thread, inside daemonic processes, and needs no `__main__` guard.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from mmk12.types import Status, Verdict
from mmk12.verifier import extract, upstream_reward
from mmk12.verifier.profiles import find_profile
from mmk12.verifier.spec import GradingSpec, to_text

BATCH = 32
"""A worker that has less than this left to do gets as much again: it never waits for the next."""
WINDOW = 8
"""Batches per worker that may wait for an earlier one: the bound on memory."""
START = 120.0
"""Seconds that a worker may take to start: the imports of many at once on a busy machine."""

Row = dict[str, Any]
"""A row as it travels to a worker: `response`, and a spec as `GradingSpec.to_row` writes it."""
Job = tuple[int, Row]


class Worker:
    """One subprocess (`worker.py`) and the jobs it has not answered; `deadline` is seconds for one of them."""

    def __init__(self, profile: str, deadline: float) -> None:
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mmk12.verifier.worker", profile],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self.jobs: deque[Job] = deque()
        self.deadline = deadline
        self.ready = False
        self.since = time.monotonic()
        self._rest = b""

    @property
    def output(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    @property
    def due(self) -> float:
        """Deadline of the oldest pending job, or of the start-up (monotonic seconds)."""
        return self.since + (self.deadline if self.ready else START)

    def send(self, jobs: Iterable[Job]) -> None:
        """Sends more jobs. The worker reads at all times, so the write cannot block for long."""
        more = list(jobs)
        if not self.jobs:
            self.since = time.monotonic()
        self.jobs.extend(more)
        if self.ready and more:
            self._write(more)

    def _write(self, jobs: Iterable[Job]) -> None:
        assert self.process.stdin is not None
        # A dead worker is noticed by the end of its output.
        with suppress(BrokenPipeError):
            self.process.stdin.write(json.dumps([row for _, row in jobs]).encode() + b"\n")
            self.process.stdin.flush()

    def replies(self) -> list[Any] | None:
        """Returns the verdicts that have arrived, as rows; None at the end of the output."""
        data = os.read(self.output, 1 << 16)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        answers = [json.loads(line) for line in lines]
        if answers and not self.ready:
            self.ready = True
            answers = answers[1:]
            self.since = time.monotonic()
            self._write(self.jobs)
        return answers

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                # What was not flushed is lost with the process.
                with suppress(BrokenPipeError):
                    stream.close()


def _to_wire(row: Mapping[str, Any]) -> Row:
    """Returns `row` as JSON carries it to a worker. A row that no worker could read is an error here, in the caller."""
    wire = {"response": to_text(row["response"]), **GradingSpec.from_row(row).to_row()}
    return {**wire, "finish_reason": "length"} if row.get("finish_reason") == "length" else wire


class Pool:
    """`workers` subprocesses that grade under one profile; `deadline` is seconds a verdict, the profile's own if None.

    Not thread-safe; `verify_in_worker` serializes access. Raises `UnknownName` and `MissingExtra` for the profile.
    """

    def __init__(self, workers: int, profile: str = "strict", *, deadline: float | None = None) -> None:
        self.profile = find_profile(profile)
        self.deadline = self.profile.deadline if deadline is None else deadline
        self.workers = [Worker(profile, self.deadline) for _ in range(workers)]

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kills the workers."""
        for worker in self.workers:
            worker.kill()

    def map(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[Verdict]:
        """Yields the verdict of each row, in order; rows are read only as fast as verdicts are taken.

        Rows have the keys of `verify_many`. Raises `RuntimeError` if a worker does not start.
        """
        for index, worker in enumerate(self.workers):
            # It died while idle, or still works for a caller that stopped reading.
            if worker.jobs or worker.process.poll() is not None:
                worker.kill()
                self.workers[index] = Worker(self.profile.name, self.deadline)
        source = enumerate(map(_to_wire, rows))
        done: dict[int, Verdict] = {}
        following = 0
        ahead = BATCH * WINDOW * len(self.workers)
        issued, exhausted = 0, False
        with selectors.DefaultSelector() as selector:
            for worker in self.workers:
                selector.register(worker.output, selectors.EVENT_READ, worker)
            while True:
                while following in done:
                    yield done.pop(following)
                    following += 1
                for worker in self.workers:
                    if len(worker.jobs) < BATCH and not exhausted and issued - following < ahead:
                        batch = list(islice(source, BATCH))
                        exhausted, issued = len(batch) < BATCH, issued + len(batch)
                        worker.send(batch)
                if exhausted and following == issued:
                    return
                # Some worker is busy: else its verdicts would have been taken above, and new rows sent.
                self._collect(selector, done)

    def _collect(self, selector: selectors.BaseSelector, done: dict[int, Verdict]) -> None:
        """Waits for replies, a death or a deadline, and stores the resulting verdicts in `done`."""
        due = min(worker.due for worker in self.workers if worker.jobs)
        for key, _ in selector.select(max(0.0, due - time.monotonic())):
            worker: Worker = key.data
            replies = worker.replies()
            if replies is None:
                self._replace(worker, selector, done, "error", "the worker died")
                continue
            for reply in replies:
                index, _ = worker.jobs.popleft()
                done[index] = Verdict.from_row(reply)
                worker.since = time.monotonic()
        now = time.monotonic()
        for worker in list(self.workers):
            if worker.jobs and now > worker.due:
                self._replace(worker, selector, done, "timeout", f"no verdict within {self.deadline:g} s")

    def _replace(
        self,
        worker: Worker,
        selector: selectors.BaseSelector,
        done: dict[int, Verdict],
        status: Status,
        reason: str,
    ) -> None:
        """Kills a worker; its current job gets that status, a new worker gets the rest."""
        selector.unregister(worker.output)
        worker.kill()
        if not worker.ready:
            raise RuntimeError(f"the verifier's worker did not start ({reason})")
        fresh = Worker(self.profile.name, self.deadline)
        self.workers[self.workers.index(worker)] = fresh
        selector.register(fresh.output, selectors.EVENT_READ, fresh)
        if worker.jobs:
            index, row = worker.jobs.popleft()
            done[index] = Verdict(status, None, "deadline", reason, self._is_well_formed(row), self.profile.name)
            fresh.send(worker.jobs)

    def _is_well_formed(self, row: Row) -> bool:
        response = row["response"]
        return (
            upstream_reward.check_upstream_format(response, self.profile.name)
            if self.profile.released
            else extract.check_format(response)
        )


# One worker per process and profile, shared by all threads, for graders that must not run in this process.

_pools: dict[str, Pool] = {}
_turn = threading.Lock()


def verify_in_worker(row: Mapping[str, Any], profile: str) -> Verdict:
    """Grades a row in the profile's worker; threads take turns."""
    with _turn:
        # The pool is put back only on success: one that raises is dropped, and its worker ends with it.
        pool = _pools.pop(profile, None) or Pool(1, profile)
        [verdict] = pool.map([row])
        _pools[profile] = pool
        return verdict


def _close_pools() -> None:
    while _pools:
        _pools.popitem()[1].close()


def _forget_pools() -> None:
    """Resets a forked child: the workers are the parent's, and the thread that may hold the lock does not exist."""
    global _turn
    _turn = threading.Lock()
    _pools.clear()


atexit.register(_close_pools)
os.register_at_fork(after_in_child=_forget_pools)
