"""Reproduces the published grading of benchmarks: a second verdict beside ours, never instead of it.

Most published numbers come from graders whose rules differ from ours: they truncate, round to two decimals, or accept
the nearest option. A rule here does the same to one response, with all defects (each of them a line of docs/ledger.md
with a test), but executes nothing and bounds its work. Where upstream asks GPT to extract the
answer, our own extractor is used; so a rule reproduces the arithmetic of a published number, not its judge.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from mmk12.errors import UnknownName
from mmk12.evaluation.official.mathverse import mathverse
from mmk12.evaluation.official.mathvision import mathvision
from mmk12.evaluation.official.mathvista import mathvista
from mmk12.evaluation.official.olympiadbench import olympiadbench
from mmk12.types import Gold

Rule = Callable[[str, Gold], bool | None]
"""(response, gold) -> whether upstream's arithmetic gives the point; None where it could not be applied."""

RULES: MappingProxyType[str, Rule] = MappingProxyType(
    {rule.__name__: rule for rule in (mathverse, mathvision, mathvista, olympiadbench)}
)


def find_rule(name: str) -> Rule:
    """Returns the rule that a benchmark declares as `official`. Raises `UnknownName`."""
    try:
        return RULES[name]
    except KeyError:
        raise UnknownName("official rule", name, RULES) from None
