"""The process behind a pool: reads batches of rows from stdin, writes one verdict a line to stdout.

Grading has the main thread to itself, which math-verify's alarms need. A second thread reads, so that the end of the
input (the parent closed it, or died in any way) ends the worker at once, even in the middle of a row.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import signal
import sys
import threading
from typing import Any

from mmk12.types import Verdict
from mmk12.verifier import api, upstream_reward
from mmk12.verifier.profiles import find_profile


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
    upstream = find_profile(profile).released

    def put(value: object) -> None:
        out.write(json.dumps(value).encode() + b"\n")
        out.flush()

    if upstream:
        upstream_reward.grade_upstream("", "0", profile)  # imports for a second, outside the deadline of any row
    put("ready")
    while True:
        for row in json.loads(batches.get()):
            verdict = _grade_upstream(row, profile) if upstream else api.verify_row(row, profile)
            put(verdict.to_row())


def _grade_upstream(row: dict[str, Any], profile: str) -> Verdict:
    return upstream_reward.grade_upstream(row["response"], row["gold"], profile)


def _read(batches: queue.SimpleQueue[bytes]) -> None:
    for line in sys.stdin.buffer:
        batches.put(line)
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
