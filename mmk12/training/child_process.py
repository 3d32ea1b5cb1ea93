"""Child processes that die with their parent: one that goes on would write where the next command writes."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from signal import Signals

_PR_SET_PDEATHSIG = 1


def die_with_parent(signal_number: Signals) -> Callable[[], None]:
    """Returns a `preexec_fn` for `subprocess`: Linux sends `signal_number` to the child when this process is killed."""
    parent = os.getpid()

    def ask() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal_number))
            if os.getppid() != parent:  # it was killed before the line above
                os._exit(1)

    return ask
