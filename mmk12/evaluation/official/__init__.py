"""The published arithmetic of benchmarks, reproduced: the second opinion beside our verdict, never instead of it.

Most printed numbers rest on graders whose arithmetic is not ours: they truncate, round to two decimals, or take the
nearest option for an answer. A rule here does the same to one response, faithfully and with its defects (each of them a
line of docs/ledger.md with a test), but executes nothing and bounds its work. Where upstream asks GPT to extract the
answer, our own extractor stands in; so a rule reproduces the arithmetic of a printed number, not its judge.
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
    """The rule that a benchmark declares as `official`; raises `UnknownName`."""
    try:
        return RULES[name]
    except KeyError:
        raise UnknownName("official rule", name, RULES) from None
