"""The process behind a pool: reads batches of rows from stdin, writes one verdict a line to stdout.

Grading has the main thread to itself, which math-verify's alarms need. A second thread reads, so that the end of the
input (the parent closed it, or died in any way) ends the worker at once, even in the middle of a row.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import resource
import signal
import sys
import threading
from typing import Any

from mmk12.types import Verdict
from mmk12.verifier import fallback, rules, upstream_reward
from mmk12.verifier.profiles import Profile, find_profile
from mmk12.verifier.spec import GradingSpec

_MEMORY = 4 * 2**30
"""Bytes of address space for a worker that may ask sympy; beyond, it dies and is replaced."""


def serve(profile: str) -> None:
    """Writes `ready`, then one verdict per row until the input ends. Never returns."""
    # SIGINT is left to the parent; a closed pipe ends the worker.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    logging.getLogger("math_verify").setLevel(logging.CRITICAL)
    # Output of libraries must not mix with the verdicts.
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    batches: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(batches,), daemon=True).start()
    used = find_profile(profile)

    def put(value: object) -> None:
        out.write(json.dumps(value).encode() + b"\n")
        out.flush()

    # Both import for a second, outside the deadline of any row.
    if used.released:
        upstream_reward.grade_upstream("", "0", profile)
    elif used.fallback:
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        fallback.load()
    put("ready")
    while True:
        for row in json.loads(batches.get()):
            put(_grade(row, used).to_row())


def _grade(row: dict[str, Any], profile: Profile) -> Verdict:
    if profile.released:
        return upstream_reward.grade_upstream(row["response"], row["gold"], profile.name)
    response, spec, cut = row["response"], GradingSpec.from_row(row), row.get("finish_reason") == "length"
    verdict = rules.grade(response, spec, profile, cut=cut)
    if profile.fallback and fallback.may_decide(verdict, response, spec, cut=cut):
        return fallback.decide(verdict, response, spec)
    return verdict


def _read(batches: queue.SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        batches.put(line)
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
