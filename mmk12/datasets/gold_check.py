"""Checks whether a rule can grade against a gold, before a model is rewarded by it.

There are three conditions:

1. The gold is of a type that the verifier grades (`classify_gold`), or its fallback. Proofs, sentences and broken
   LaTeX are not.
2. The gold itself, as a well-formed response, is correct.
3. Not every near miss of the gold is accepted. The released reward pays 1.0 to any answer if the gold does not parse
   (paper section 2.3); this condition finds golds that accept any answer, for whatever reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mmk12.types import Gold, Sample, Verdict
from mmk12.verifier import GradingSpec, classify_gold
from mmk12.verifier.fallback import RULE as SYMPY

_COMMAND = re.compile(r"\\[A-Za-z]+")
_LETTER = re.compile(r"[A-Za-z]")
_LAST_DIGIT = re.compile(r"\d(?=\D*\Z)")


def make_trials(sample: Sample) -> list[dict[str, Any]]:
    """Returns the verifier's rows that `find_gold_fault` needs: the gold as an answer, then near misses of it."""
    gold = sample.gold
    spec = GradingSpec.from_gold(gold, sample.question).to_row()
    answers = [gold.text, *make_near_misses(gold.text)]
    return [{"response": f"<think>The answer is found.</think><answer>{answer}</answer>", **spec} for answer in answers]


def find_gold_fault(gold: Gold, verdicts: Sequence[Verdict], letters: bool = False) -> tuple[str, str] | None:
    """Returns (reason, evidence) why a gold cannot be used, or None if it can; `verdicts` are those on `make_trials`.

    Golds that are the letter of an option are used only if `letters` is true.
    """
    kind = classify_gold(gold)
    own, *near_misses = verdicts
    by_sympy = any(verdict.rule == SYMPY and verdict.status == "wrong" for verdict in near_misses)
    if not kind.usable and not by_sympy:
        return "gold cannot be graded", f"{kind.type}: {kind.reason}"
    if kind.type == "letter" and not letters:
        return "only a letter answers it", gold.text
    if not own.correct:
        return "gold does not pass as its own answer", f"{own.status}: {own.reason}"
    if all(verdict.correct for verdict in near_misses):
        return "a near miss of the gold passes", make_near_misses(gold.text)[0]
    return None


def make_near_misses(text: str) -> list[str]:
    """Returns answers of the same shape as `text` and another meaning; at least one.

    There are two for a text with digits, because a changed text can have the same value (`1^5` and `1^6`).
    """
    if any(character.isdecimal() for character in text):
        all_digits = "".join(str((int(c) + 1) % 10) if c.isdecimal() else c for c in text)
        return [all_digits, _LAST_DIGIT.sub(lambda digit: str((int(digit[0]) + 1) % 10), text)]
    commands = _COMMAND.findall(text)
    shifted = [_LETTER.sub(_next_letter, part) for part in _COMMAND.split(text)]
    changed = "".join(part + command for part, command in zip(shifted, [*commands, ""], strict=True))
    return [changed if changed != text else f"{text} 7"]


def _next_letter(letter: re.Match[str]) -> str:
    code = ord(letter[0])
    return chr(code - 25) if letter[0] in "zZ" else chr(code + 1)
