"""Whether work grows in step with its input. Costs are compared with one another, never with a number of seconds."""

import math
import time

FACTOR = 8
LIMIT = 24
"""Eight times the input costs linear work 8 times as much and quadratic work 64 times: about three times off both."""
TRIES = 4


def assert_linear(work, text):
    """Fails if `work(text)` costs far more than its share, which is what an eighth of `text` costs.

    A busy machine makes a run dearer and never cheaper, so of several runs the cheapest counts. `work` must not
    remember what it has read before.
    """
    part = text[: len(text) // FACTOR]
    work(part)  # the first call alone compiles patterns
    whole = share = math.inf
    for _ in range(TRIES):
        whole = min(whole, _cost(work, text))
        share = min(share, _cost(work, part), _cost(work, part))
        if whole < LIMIT * share:
            return
    raise AssertionError(f"{FACTOR} times the input costs {whole / share:.0f} times the work")


def _cost(work, text):
    start = time.thread_time()
    work(text)
    return time.thread_time() - start
