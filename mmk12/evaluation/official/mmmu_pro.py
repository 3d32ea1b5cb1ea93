"""Grades MMMU-Pro by `mmmu-pro/evaluate.py` (github.com/MMMU-Benchmark/MMMU).

Behind the last "Answer:", the one letter of an option that occurs there; else the letters in the whole response as
`(A)`, as `A ` or as `A.`, or the texts of the options, whichever of these forms is found first; of several the last.

Not kept: where nothing is found upstream draws an option at random; here a box or label that our extractor reads
counts, and else that is wrong. Kept: any capital counts as a
letter, so "I cannot tell" chooses I, and "Answer: Cubism" chooses C; of "A" and "B." the form decides, not the place.
"""

from __future__ import annotations

from collections.abc import Callable

from mmk12.evaluation.official.parsing import TAG, get_released_text, read_stated
from mmk12.types import Gold
from mmk12.verifier.choices import read_letter

_MARK = "Answer:"
_MIN_WORDS = 6
"""Words of a response from which on the texts of options are looked for."""
MAX_TAIL = 20_000
"""Characters from the end of a response that are read."""


def mmmu_pro(response: str, gold: Gold) -> bool:
    """Returns whether the gold letter is read by upstream, or where it would guess by our extractor."""
    text = response[-MAX_TAIL:]
    letter = None if TAG in text else find_letter(text, gold.choices)
    if letter is None:
        stated = read_stated(text, ())
        letter = read_letter(stated) or find_letter(stated, gold.choices)
    return letter == get_released_text(gold)


def mmmu_pro_raw(response: str, gold: Gold) -> bool:
    """Returns whether upstream reads the gold letter in the response."""
    return find_letter(response[-MAX_TAIL:], gold.choices) == get_released_text(gold)


def find_letter(response: str, choices: tuple[str, ...]) -> str | None:
    """Returns the letter that upstream reads; None where it would draw one at random."""
    letters = [chr(ord("A") + number) for number in range(len(choices))]
    _, mark, stated = response.rpartition(_MARK)
    named = [letter for letter in letters if mark and letter in stated.strip()]
    if len(named) == 1:
        return named[0]
    for edge in ",.!?;:'":
        response = response.strip(edge)
    text = f" {response} "
    forms: tuple[tuple[str, Callable[[str], str]], ...] = (
        ("({})", "({})".format),
        ("{} ", " {} ".format),
        ("{}.", " {} ".format),
    )
    for form, last in forms:
        found = [letter for letter in letters if form.format(letter) in text]
        if found:
            return max(found, key=lambda letter: (text.rfind(last(letter)), -ord(letter)))
    if len(text.split()) < _MIN_WORDS:
        return None
    lower = text.lower()
    places = {letter: lower.rfind(choice.lower()) for letter, choice in zip(letters, choices, strict=True)}
    found = [letter for letter in letters if places[letter] >= 0]
    return max(found, key=lambda letter: (places[letter], -ord(letter)), default=None)
