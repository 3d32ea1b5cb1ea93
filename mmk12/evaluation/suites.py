"""Suites: names for the sets of benchmarks that papers and leaderboards report together."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from mmk12.errors import UnknownName, find_nearest
from mmk12.utils import content

SUITES: MappingProxyType[str, tuple[str, ...]] = MappingProxyType(
    {
        "paper": ("k12", "mathvista", "mathverse", "mathvision", "olympiadbench"),
        "opencompass_reasoning": (
            "mathvista",
            "mathvision",
            "mathverse:vision_only",
            "dynamath",
            "wemath",
            "logicvista",
        ),
    }
)
"""`paper`: MM-Eureka, arXiv 2503.07365, tables 2 and 3. `opencompass_reasoning`: the Open LMM Reasoning Leaderboard
(VLMEvalKit, vlmeval/tools.py, the list of mathematics)."""


def expand_suites(refs: Sequence[str]) -> list[str]:
    """Returns benchmark references with each name of a suite replaced by its benchmarks.

    Raises `UnknownName` for a name that is no suite's or benchmark's, and is nearest to a suite's.
    """
    known = [*content.names("benchmark"), *SUITES]
    for ref in refs:
        if ref not in known and find_nearest(ref, known) in SUITES:
            raise UnknownName("benchmark or suite", ref, known)
    return [name for ref in refs for name in SUITES.get(ref, (ref,))]
