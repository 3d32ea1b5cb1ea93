"""Reproduces the published grading of benchmarks: a second verdict beside ours, never instead of it.

Most published numbers come from graders whose rules differ from ours: they truncate, round to two decimals, or accept
the nearest option. A rule here does the same to one response, with all defects (each of them a line of docs/ledger.md
with a test), but executes nothing and bounds its work. Where upstream asks GPT to extract the
answer, our own extractor is used; so a rule reproduces the arithmetic of a published number, not its judge.

Where upstream cuts the answer out of the response by string operations, the rule of that name also reads what our
extractor reads by a tag, a box or a label: a model that answers in another form than upstream's prompt demands is else
wrong throughout. `<name>_raw` is upstream's form alone.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from mmk12.errors import UnknownName
from mmk12.evaluation.official.dynamath import dynamath, dynamath_raw
from mmk12.evaluation.official.emma import emma, emma_raw
from mmk12.evaluation.official.logicvista import logicvista
from mmk12.evaluation.official.mathverse import mathverse
from mmk12.evaluation.official.mathvision import mathvision, mathvision_raw
from mmk12.evaluation.official.mathvista import mathvista
from mmk12.evaluation.official.mmmu_pro import mmmu_pro, mmmu_pro_raw
from mmk12.evaluation.official.olympiadbench import olympiadbench, olympiadbench_raw
from mmk12.evaluation.official.wemath import wemath, wemath_raw
from mmk12.types import Gold

Rule = Callable[[str, Gold], bool | None]
"""(response, gold) -> whether upstream's arithmetic gives the point; None where it could not be applied."""

RULES: MappingProxyType[str, Rule] = MappingProxyType(
    {
        rule.__name__: rule
        for rule in (
            dynamath,
            dynamath_raw,
            emma,
            emma_raw,
            logicvista,
            mathverse,
            mathvision,
            mathvision_raw,
            mathvista,
            mmmu_pro,
            mmmu_pro_raw,
            olympiadbench,
            olympiadbench_raw,
            wemath,
            wemath_raw,
        )
    }
)


def find_rule(name: str) -> Rule:
    """Returns the rule that a benchmark declares as `official`. Raises `UnknownName`."""
    try:
        return RULES[name]
    except KeyError:
        raise UnknownName("official rule", name, RULES) from None
