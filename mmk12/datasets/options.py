"""Options of multiple-choice questions: formats them as lines, and finds them in the lines or words of a question."""

from __future__ import annotations

import re
from collections.abc import Iterable

_INLINE = re.compile(r"\(([A-J])\)")
_OPTION = re.compile(r"\(?([A-J])\s*[.:：、)]\s*(.*)", re.DOTALL)


def letter_options(options: Iterable[str]) -> str:
    """Formats options as lines `(A) …`, each with a line break at its end."""
    return "".join(f"({chr(ord('A') + index)}) {option}\n" for index, option in enumerate(options))


def find_options(question: str) -> tuple[str, ...]:
    """Returns the texts of the last block of option lines (`A. …`, `A: …`, `(A) …`) in a question.

    The result is empty if there are fewer than two.
    """
    options: list[str] = []
    for line in question.splitlines():
        option = _OPTION.fullmatch(line.strip())
        if option and option[1] == "A":
            options = [option[2]]
        elif option and ord(option[1]) - ord("A") == len(options):
            options.append(option[2])
    return tuple(options) if len(options) > 1 else ()


def find_inline_options(question: str) -> tuple[str, ...]:
    """Returns the texts of the options that stand behind each other in a sentence: `… Choices: (A) yes (B) no`.

    The result is empty if there are fewer than two.
    """
    labels: list[re.Match[str]] = []
    for match in _INLINE.finditer(question):
        if ord(match[1]) - ord("A") == len(labels):
            labels.append(match)
    ends = [match.start() for match in labels[1:]] + [len(question)]
    texts = (question[match.end() : end].strip(" ,;\n") for match, end in zip(labels, ends, strict=True))
    return tuple(texts) if len(labels) > 1 else ()
