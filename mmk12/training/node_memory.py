"""Reads how much memory a node has: that of its GPUs from NVIDIA's driver, main memory from the operating system."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import NamedTuple

_QUERY = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
_SECONDS = 60.0


class NodeMemory(NamedTuple):
    """GiB: the smallest GPU of a node and its main memory, None for what is not known."""

    gpu: float | None
    host: float | None


def read_node_memory() -> NodeMemory:
    """Returns the memory of this machine; imports neither torch nor Ray, so that it runs on every node."""
    return NodeMemory(_read_gpu(), _read_host())


def _read_gpu() -> float | None:
    if shutil.which(_QUERY[0]) is None:
        return None
    try:
        told = subprocess.run(_QUERY, capture_output=True, text=True, check=True, timeout=_SECONDS).stdout
        return min(int(line) for line in told.split("\n") if line.strip()) / 1024
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _read_host() -> float | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    except (OSError, ValueError):
        return None
