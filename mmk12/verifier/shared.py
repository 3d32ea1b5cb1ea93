"""One worker per process and profile for the graders that must not run in it.

Started at the first verdict, shared by all threads in turn. It lives as long as the process; a child that is forked
starts its own.
"""

from __future__ import annotations

import atexit
import os
import threading

from mmk12.types import Verdict
from mmk12.verifier.pool import Pool

_pools: dict[str, Pool] = {}
_turn = threading.Lock()


def verdict(response: str, gold: str, profile: str) -> Verdict:
    """The verdict of the profile's worker, from any thread, each in turn."""
    with _turn:
        # While it works the pool is in nobody's hands: one that raises is dropped, and its worker ends with it.
        pool = _pools.pop(profile, None) or Pool(1, profile)
        [found] = pool.map([{"response": response, "gold": gold}])
        _pools[profile] = pool
        return found


def _close() -> None:
    while _pools:
        _pools.popitem()[1].close()


def _forget() -> None:
    """In a forked child: the workers are the parent's, and its threads, one of which may hold the lock, are gone."""
    global _turn
    _turn = threading.Lock()
    _pools.clear()


atexit.register(_close)
os.register_at_fork(after_in_child=_forget)
