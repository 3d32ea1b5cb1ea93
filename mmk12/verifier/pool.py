"""Verdicts from several processes, each with a hard deadline; one that misses it is killed and replaced.

The verifier itself is bounded and needs no deadline. Graders that are not (the `released_*` profiles) do, and a
grader that hangs must cost one verdict, not a training run. Workers are plain subprocesses that speak JSON lines:
this works from any thread, inside daemonic processes, and needs no `__main__` guard.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

from mmk12.types import Gold, Status, Verdict
from mmk12.verifier.tags import format_ok
from mmk12.verifier.units import UNITS

BATCH = 16
WINDOW = 16
"""Batches per worker that may wait for an earlier one: the bound on memory."""

Row = Mapping[str, Any]
Job = tuple[int, Row]


class Worker:
    """One subprocess and the jobs it has not answered."""

    def __init__(self, profile: str) -> None:
        root = str(Path(__file__).resolve().parents[2])
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mmk12.verifier.pool", profile],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        )
        self.jobs: deque[Job] = deque()
        self.ready = False
        self.since = 0.0
        self._rest = b""

    @property
    def output(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def send(self, jobs: Iterable[Job]) -> None:
        """Hands a batch to an idle worker, which is reading: the write cannot block for long."""
        self.jobs.extend(jobs)
        self.since = time.monotonic()
        if self.ready and self.jobs:
            assert self.process.stdin is not None
            # If it died, the end of its output says so.
            with suppress(BrokenPipeError):
                self.process.stdin.write(json.dumps([_plain(row) for _, row in self.jobs]).encode() + b"\n")
                self.process.stdin.flush()

    def replies(self) -> list[list[Any]] | None:
        """The answers that have arrived; None at the end of its output."""
        data = os.read(self.output, 1 << 16)
        if not data:
            return None
        *lines, self._rest = (self._rest + data).split(b"\n")
        answers = [json.loads(line) for line in lines]
        if answers and not self.ready:
            self.ready = True
            answers = answers[1:]
            self.send(())
        return answers

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                # What was not flushed is lost with the process.
                with suppress(BrokenPipeError):
                    stream.close()


def _plain(row: Row) -> dict[str, Any]:
    """`row` as JSON can carry it."""
    gold = row["gold"]
    if not isinstance(gold, Gold):
        return {key: row[key] for key in KEYS if row.get(key) is not None}
    text = f"{gold.text} {gold.unit}" if gold.unit in UNITS else gold.text
    given = {"gold": text, "choices": list(gold.choices) or None, "precision": gold.precision}
    kind = None if gold.kind == "math" else gold.kind
    return _plain({"answer_type": kind, **row, **{k: v for k, v in given.items() if row.get(k) is None or k == "gold"}})


KEYS = ("response", "gold", "question", "choices", "answer_type", "precision")


class Pool:
    """`workers` subprocesses grading under one profile; `deadline` is seconds for one verdict."""

    def __init__(self, workers: int, profile: str = "strict", *, deadline: float = 5.0) -> None:
        self.profile = profile
        self.deadline = deadline
        self.workers = [Worker(profile) for _ in range(workers)]

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.kill()

    def map(self, rows: Iterable[Row]) -> Iterator[Verdict]:
        """The verdict of each row, in order, while rows are read only as fast as verdicts are taken."""
        source = enumerate(rows)
        done: dict[int, Verdict] = {}
        following = 0
        ahead = BATCH * WINDOW * len(self.workers)
        issued, exhausted = 0, False
        with selectors.DefaultSelector() as selector:
            for worker in self.workers:
                selector.register(worker.output, selectors.EVENT_READ, worker)
            while True:
                for worker in self.workers:
                    if not worker.jobs and not exhausted and issued - following < ahead:
                        batch = list(islice(source, BATCH))
                        exhausted, issued = len(batch) < BATCH, issued + len(batch)
                        worker.send(batch)
                while following in done:
                    yield done.pop(following)
                    following += 1
                if exhausted and following == issued:
                    return
                self._collect(selector, done)

    def _collect(self, selector: selectors.BaseSelector, done: dict[int, Verdict]) -> None:
        """Waits for replies, a death or a deadline, and notes the verdicts that follow from it."""
        busy = [worker for worker in self.workers if worker.jobs]
        wait = min((worker.since + self.deadline for worker in busy), default=0.0) - time.monotonic()
        for key, _ in selector.select(max(0.0, wait)):
            worker: Worker = key.data
            replies = worker.replies()
            if replies is None:
                self._replace(worker, selector, done, "error", "the worker died")
                continue
            for reply in replies:
                index, _ = worker.jobs.popleft()
                done[index] = Verdict(*reply)
                worker.since = time.monotonic()
        now = time.monotonic()
        for worker in list(self.workers):
            if worker.jobs and now - worker.since > (self.deadline if worker.ready else 60.0):
                self._replace(worker, selector, done, "timeout", f"no verdict within {self.deadline:g} s")

    def _replace(
        self,
        worker: Worker,
        selector: selectors.BaseSelector,
        done: dict[int, Verdict],
        status: Status,
        reason: str,
    ) -> None:
        """Kills a worker; the job it was at gets that status, a new worker gets the rest."""
        selector.unregister(worker.output)
        worker.kill()
        if not worker.ready:
            raise RuntimeError(f"the verifier's worker did not start ({reason})")
        fresh = Worker(self.profile)
        self.workers[self.workers.index(worker)] = fresh
        selector.register(fresh.output, selectors.EVENT_READ, fresh)
        if worker.jobs:
            index, row = worker.jobs.popleft()
            done[index] = Verdict(status, None, "deadline", reason, format_ok(row["response"]), self.profile)
            fresh.send(worker.jobs)


def serve(profile: str) -> None:
    """The worker: batches of rows in, one verdict a line out."""
    from mmk12.verifier.many import verify_row

    def put(value: object) -> None:
        sys.stdout.buffer.write(json.dumps(value).encode() + b"\n")
        sys.stdout.buffer.flush()

    put("ready")
    for line in sys.stdin.buffer:
        for row in json.loads(line):
            verdict = verify_row(row, profile)
            put([verdict.status, verdict.answer, verdict.rule, verdict.reason, verdict.format_ok, profile])


if __name__ == "__main__":
    serve(sys.argv[1])
