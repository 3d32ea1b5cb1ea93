"""How dear work is beside other work in the same process, never in seconds: as the input grows, or against a yardstick.

A busy machine makes a run dearer and never cheaper, so of several runs the cheapest counts.
"""

import math
import time

FACTOR = 8
LIMIT = 24
"""Eight times the input costs linear work 8 times as much and quadratic work 64 times: about three times off both."""
TRIES = 4


def assert_linear(work, text):
    """Fails if `work(text)` costs far more than its share, which is what an eighth of `text` costs.

    For work that has no limit on what it reads, and does not remember it.
    """
    part = text[: len(text) // FACTOR]
    work(part)  # the first call alone compiles patterns
    whole = share = math.inf
    for _ in range(TRIES):
        whole = min(whole, _cost(lambda: work(text)))
        share = min(share, _cost(lambda: work(part)), _cost(lambda: work(part)))
        if whole < LIMIT * share:
            return
    raise AssertionError(f"{FACTOR} times the input costs {whole / share:.0f} times the work")


def assert_cheap(work, times, size=100_000):
    """Fails if `work()` costs more than `times` what a loop over `size` characters does.

    For work with limits below the size of its input, which hide how it grows. `work` must not remember what it did.
    """
    text = "ab" * (size // 2)
    cost = yard = math.inf
    for _ in range(TRIES):
        cost, yard = min(cost, _cost(work)), min(yard, _cost(lambda: _loop(text)))
        if cost < times * yard:
            return
        if cost > 10 * times * yard:
            break  # no busy machine explains that, and it takes long
    raise AssertionError(f"it costs {cost / yard:.0f} times a loop over {size:,} characters, not {times}")


def _loop(text):
    return sum(1 for char in text if char == "a")


def _cost(work):
    start = time.thread_time()
    work()
    return time.thread_time() - start
