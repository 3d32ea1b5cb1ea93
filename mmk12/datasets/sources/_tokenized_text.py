r"""Restores the questions of GeoQA's family, which were published as tokens with placeholders for numbers.

The authors' models read `angle A = N_0 , A B = N_1` beside a list `numbers`; the readers never put the numbers back
(github.com/chen-judge/UniGeo, Geoformer/src/geo_data.py and data_utils.py, `process_english_text`). A question for a
language model needs them, and its points joined again: `angle A = 80, AB = 6`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from mmk12.datasets.declarations import SkipRow

_PLACEHOLDER = re.compile(r"N_(\d{1,3})(?!\d)")
_FUNCTION = re.compile(r"\b(?:s i n|c o s|t a n)\b")
_PRIMED = re.compile(r"(?<=[A-Za-z]) (?=['′])")
_POINTS = re.compile(r"(?<![^\W_])[A-Z]['′]*(?: [A-Z]['′]*(?![^\W_]))+")
_BEFORE_MARK = re.compile(r" +(?=[,.;:!?)])|(?<=\() +")
_BRACES = re.compile(r" ?([{}]) ?")
_ARGUMENT = re.compile(r"\\frac(?! ?\{)")
_PARALLEL = re.compile(r"/ /")


def restore_numbers(text: str, numbers: Sequence[Any]) -> str:
    """Returns `text` with `N_0` replaced by `numbers[0]` and so on: 80.0 is written as 80.

    Raises `SkipRow` if a placeholder has no number.
    """

    def write(placeholder: re.Match[str]) -> str:
        index = int(placeholder[1])
        if index >= len(numbers):
            raise SkipRow("a placeholder without its number", f"{placeholder[0]} of {len(numbers)} numbers: {text}")
        number = numbers[index]
        return number if isinstance(number, str) else f"{number:.12g}"

    return _PLACEHOLDER.sub(write, text)


def restore_english(text: str, numbers: Sequence[Any]) -> str:
    r"""Returns an English question of tokens as text: numbers put in, points and marks joined (`A B ,` -> `AB,`).

    Raises `SkipRow` for a placeholder without its number, and for a `\frac` that has lost its braces.
    """
    if _ARGUMENT.search(text):
        raise SkipRow("a fraction without its braces", text)
    text = _FUNCTION.sub(lambda name: name[0].replace(" ", ""), _PRIMED.sub("", text))
    text = _POINTS.sub(lambda points: points[0].replace(" ", ""), text)
    text = _BEFORE_MARK.sub("", _PARALLEL.sub("//", _BRACES.sub(r"\1", text)))
    return restore_numbers(text, numbers)
