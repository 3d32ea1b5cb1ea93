"""What benchmark files need to put a question: options as lines, options read from lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

_OPTION = re.compile(r"\(?([A-H])\s*[.:：、)]\s*(.*)", re.DOTALL)


def letter_options(options: Iterable[str]) -> str:
    """Options as lines `(A) …`, each ended by a line break."""
    return "".join(f"({chr(ord('A') + index)}) {option}\n" for index, option in enumerate(options))


def find_options(question: str) -> tuple[str, ...]:
    """The texts of the last block of option lines (`A. …`, `A: …`, `(A) …`) in a question; none without two of them."""
    found: list[str] = []
    for line in question.splitlines():
        option = _OPTION.fullmatch(line.strip())
        if option and option[1] == "A":
            found = [option[2]]
        elif option and ord(option[1]) - ord("A") == len(found):
            found.append(option[2])
    return tuple(found) if len(found) > 1 else ()
