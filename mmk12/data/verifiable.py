"""Can a rule grade this gold? Three questions that any gold must pass before a model is paid by it.

1. Is it of a type that the verifier grades (`classify_gold`)? Proofs, sentences and broken LaTeX are not.
2. Is the gold itself, given as a well-formed response, correct?
3. Is a near miss of the gold not correct? The released reward pays 1.0 to any answer where a gold does not parse
   (PAPER "Reward"); this control finds such golds whatever the cause.
"""

from __future__ import annotations

import re
from typing import Any

from mmk12.types import Gold, Sample, Verdict
from mmk12.verifier import classify_gold, verify

_ANSWER_TYPES = {"math": "auto"}
"""A gold's kind in the words of `verify`; the other kinds have the same name there."""
_COMMAND = re.compile(r"\\[A-Za-z]+")
_LETTER = re.compile(r"[A-Za-z]")
_LAST_DIGIT = re.compile(r"\d(?=\D*\Z)")


def grading(gold: Gold) -> dict[str, Any]:
    """The arguments of `verify` that belong to this gold, beside its text; the exported rows carry them too."""
    return {
        "answer_type": _ANSWER_TYPES.get(gold.kind, gold.kind),
        "choices": list(gold.choices) or None,
        "precision": gold.precision,
    }


def check(sample: Sample, profile: str) -> tuple[str, str] | None:
    """(reason, evidence) why this sample cannot be used with the reward `profile`, or None if it can."""
    gold = sample.gold
    judged = classify_gold(gold)
    if not judged.usable:
        return "gold cannot be graded", f"{judged.type}: {judged.reason}"
    own = _verdict(gold.text, sample, profile)
    if not own.correct:
        return "gold does not pass as its own answer", f"{own.status}: {own.reason}"
    wrong = near_misses(gold.text)
    if all(_verdict(answer, sample, profile).correct for answer in wrong):
        return "a near miss of the gold passes", wrong[0]
    return None


def near_misses(text: str) -> list[str]:
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


def _verdict(answer: str, sample: Sample, profile: str) -> Verdict:
    response = f"<think>The answer is found.</think><answer>{answer}</answer>"
    question, gold = sample.question, sample.gold
    return verify(response, gold.text, question=question, **grading(gold), profile=profile)
