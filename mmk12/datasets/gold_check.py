"""Can a rule grade this gold? Three questions that any gold must pass before a model is paid by it.

1. Is it of a type that the verifier grades (`classify_gold`)? Proofs, sentences and broken LaTeX are not.
2. Is the gold itself, given as a well-formed response, correct?
3. Is a near miss of the gold not correct? The released reward pays 1.0 to any answer where a gold does not parse
   (PAPER "Reward"); this control finds such golds whatever the cause.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mmk12.types import Gold, Sample, Verdict
from mmk12.verifier import GradingSpec, classify_gold

_COMMAND = re.compile(r"\\[A-Za-z]+")
_LETTER = re.compile(r"[A-Za-z]")
_LAST_DIGIT = re.compile(r"\d(?=\D*\Z)")


def make_trials(sample: Sample) -> list[dict[str, Any]]:
    """The rows for the verifier that `fault` judges by: the gold as an answer, then near misses of it."""
    gold = sample.gold
    spec = GradingSpec.from_gold(gold, sample.question).to_row()
    answers = [gold.text, *make_near_misses(gold.text)]
    return [{"response": f"<think>The answer is found.</think><answer>{answer}</answer>", **spec} for answer in answers]


def find_gold_fault(gold: Gold, verdicts: Sequence[Verdict], letters: bool = False) -> tuple[str, str] | None:
    """(reason, evidence) why a gold cannot be used, by the verdicts on its `trials`, or None if it can.

    Golds that are the letter of an option are used only if `letters` is true.
    """
    judged = classify_gold(gold)
    if not judged.usable:
        return "gold cannot be graded", f"{judged.type}: {judged.reason}"
    if judged.type == "letter" and not letters:
        return "only a letter answers it", gold.text
    own, *missed = verdicts
    if not own.correct:
        return "gold does not pass as its own answer", f"{own.status}: {own.reason}"
    if all(verdict.correct for verdict in missed):
        return "a near miss of the gold passes", make_near_misses(gold.text)[0]
    return None


def make_near_misses(text: str) -> list[str]:
    """Answers of the same shape as `text` and another meaning; at least one.

    More than one, because changing a text can leave its value as it is (`1^5` and `1^6`).
    """
    if any(character.isdecimal() for character in text):
        every = "".join(str((int(c) + 1) % 10) if c.isdecimal() else c for c in text)
        return [every, _LAST_DIGIT.sub(lambda digit: str((int(digit[0]) + 1) % 10), text)]
    commands = _COMMAND.findall(text)
    shifted = [_LETTER.sub(_next_letter, part) for part in _COMMAND.split(text)]
    changed = "".join(part + command for part, command in zip(shifted, [*commands, ""], strict=True))
    return [changed if changed != text else f"{text} 7"]


def _next_letter(letter: re.Match[str]) -> str:
    code = ord(letter[0])
    return chr(code - 25) if letter[0] in "zZ" else chr(code + 1)
