"""The published reward of MM-Eureka with its defects, on math-verify: for comparison, never for training.

What the two scripts do is reproduced as it is, step by step (upstream: branch `internvl`,
`examples/scripts/reward_func_internvl_instruct.py` and `…_pretrain.py`); docs/ledger.md lists each defect with its
test. math-verify needs seconds for a hostile answer, works in a main thread only, and reads plain formulas with
sympy's `parse_expr`. So this runs in the workers of `pool.py`, and nowhere else.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from mmk12.types import Status, Verdict

SHORTEST_THOUGHT = 300
"""Characters of thinking that the Zero script demands; the paper does not mention it."""

_SECTION = re.compile(r"<answer>(.*?)</answer>")
"""On one line: the published pattern lacks DOTALL."""

_BRACES = re.compile(r"\\boxed\{|[{}]")


class UpstreamVerdict(NamedTuple):
    """Whether a script pays, the text that it graded, and the step that decided."""

    paid: bool
    answer: str
    rule: str
    reason: str


def grade_upstream(response: str, gold: str, profile: str) -> Verdict:
    """Grades as the published scripts do: `correct` or `wrong`, no other status. May take seconds."""
    response = response.strip()
    grade = _grade_zero if profile == "released_zero" else _grade_instruct
    try:
        ruling = grade(response, gold)
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as fault:
        ruling = UpstreamVerdict(False, "", "exception", f"{type(fault).__name__}, paid like a wrong answer")
    status: Status = "correct" if ruling.paid else "wrong"
    format_ok = check_upstream_format(response, profile)
    return Verdict(status, ruling.answer[:200], f"released: {ruling.rule}", ruling.reason, format_ok, profile)


def check_upstream_format(response: str, profile: str) -> bool:
    """Checks the published format: each tag once and in order, nothing but white space between the sections.

    The instruct script lets anything stand around the sections; the Zero script does not, and demands 300
    characters of thinking. White space alone fills a section in both. Linear in the length of the response.
    """
    rest, parts = response.strip(), []
    for tag in ("<think>", "</think>", "<answer>", "</answer>"):
        before, _, rest = rest.partition(tag)
        parts.append(before)
        if response.count(tag) != 1:
            return False
    prelude, thought, between, answer = parts
    # A tag out of order leaves nothing for those that follow it.
    if not thought or not answer or between.strip():
        return False
    if profile == "released_zero":
        return not prelude and not rest and len(thought.strip()) >= SHORTEST_THOUGHT
    return True


def _grade_instruct(response: str, gold: str) -> UpstreamVerdict:
    """The 8B script: the first one-line section, swapped arguments, letters as substrings."""
    from math_verify import parse, verify

    section = _SECTION.search(response)
    content = section.group() if section else response.rpartition("<answer>")[2]
    written = (section.group(1) if section else content).replace("</answer>", "").replace("<answer>", "").strip()
    golds = parse(gold)
    if not golds:
        return UpstreamVerdict(True, written, "unparsable gold", "the gold did not parse, which pays any answer")
    if verify(parse(content, extraction_config=_every_kind()), golds):
        return UpstreamVerdict(True, written, "math-verify", "the gold follows from the answer")
    lowered = written.lower()
    held = {letter for letter in "abcd" if letter in lowered}
    for value in golds:
        if held == {str(value).lower()}:
            return UpstreamVerdict(
                True, written, "letter", "the gold's letter occurs in the answer, and no other of a to d"
            )
    return UpstreamVerdict(False, written, "math-verify", "the gold does not follow from the answer")


def _grade_zero(response: str, gold: str) -> UpstreamVerdict:
    """The Zero script: the last box, wherever it stands."""
    from math_verify import parse, verify

    box = find_last_box(response)
    if box == gold:
        return UpstreamVerdict(True, box, "identical", "the box is the gold")
    kinds = _every_kind()
    if verify(parse(gold, extraction_config=kinds), parse(box, extraction_config=kinds)):
        return UpstreamVerdict(True, box, "math-verify", "the answer follows from the gold")
    return UpstreamVerdict(False, box, "math-verify", "the answer does not follow from the gold")


def _every_kind() -> list[Any]:
    from math_verify import ExprExtractionConfig, LatexExtractionConfig, StringExtractionConfig

    return [StringExtractionConfig(), LatexExtractionConfig(), ExprExtractionConfig()]


def find_last_box(text: str) -> str:
    r"""Returns the last outermost `\boxed{…}` whose braces balance, with the command; empty without one. Linear.

    The scripts' own rule, not that of `extract.py`: it keeps the command, joins no boxes and skips unclosed ones.
    """
    opened: list[tuple[int, bool]] = []
    boxes: list[tuple[int, int]] = []
    for match in _BRACES.finditer(text):
        if match.group() != "}":
            opened.append((match.start(), len(match.group()) > 1))
        elif opened:
            start, boxed = opened.pop()
            if boxed:
                while boxes and boxes[-1][0] > start:
                    boxes.pop()
                boxes.append((start, match.end()))
    return text[slice(*boxes[-1])] if boxes else ""
