"""How sources read their upstream rows: a JSON file per problem, one JSON object, pictures of parquet rows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

from mmk12.datasets.declarations import SkipRow
from mmk12.datasets.files import Files
from mmk12.datasets.safe_pickle import Picture
from mmk12.errors import BadInput, os_reason
from mmk12.types import BrokenLine, Gold, Row
from mmk12.verifier import classify_gold


def read_json_files(files: Files, *patterns: str) -> Iterator[Row | BrokenLine]:
    """The object in each JSON file that matches, and its name as `file`; unreadable files as broken lines."""
    for pattern in patterns:
        try:
            names = files.names(pattern)
        except BadInput as error:  # an archive
            yield BrokenLine(pattern, str(error))
            continue
        for name in names:
            yield _object(files, name)


def _object(files: Files, name: str) -> Row | BrokenLine:
    try:
        value = json.loads(files.read(name))
    except OSError as error:
        return BrokenLine(name, os_reason(error))
    except (BadInput, ValueError, RecursionError) as error:
        return BrokenLine(name, str(error))
    return {**value, "file": name} if isinstance(value, dict) else BrokenLine(name, "no JSON object")


def read_parquet_files(files: Files, pattern: str, but: str = "") -> Iterator[Row | BrokenLine]:
    """The rows of each parquet file that matches `pattern` and not `but`; a file that cannot be read is one line."""
    for name in files.names(pattern):
        if but and fnmatchcase(name, but):
            continue
        try:
            yield from files.parquet(name)
        except BadInput as error:
            yield BrokenLine(name, str(error).replace(f"{files.folder}/", ""))


def parent_folder(row: Row) -> str:
    """The name of the folder that the row's JSON file lies in."""
    return str(row["file"]).split("/")[-2]


def file_beside(row: Row, name: str) -> str:
    """The file `name` in the folder of the row's JSON file."""
    return f"{str(row['file']).rpartition('/')[0]}/{name}"


def read_json_object(files: Files, name: str) -> dict[str, Any]:
    """The object in a JSON file. Raises `MissingData` or `BadInput`."""
    value = files.json(name)
    if not isinstance(value, dict):
        raise BadInput(f"{name} holds no JSON object.")
    return value


def first_existing(files: Files, *names: str) -> str:
    """The first of these files or folders that is there; the last one if none is."""
    return next((name for name in names if files.path(name).exists()), names[-1])


def row_images(value: Any) -> list[bytes]:
    """The encoded picture of a parquet or hub row (`{"bytes", "path"}`). Raises `SkipRow` if it has none."""
    if value is None:
        raise SkipRow("no picture")
    return [value["bytes"]]


def array_image(value: Any) -> bytes:
    """The encoded picture that `mmk12.datasets.safe_pickle` made of an array. Raises `ValueError` if it is none."""
    if not isinstance(value, Picture) or value.png is None:
        raise ValueError("the image is no array of bytes in the shape of a picture")
    return value.png


# Answers as golds: the boxed answer of a solution, plain numbers, and LaTeX out of what was printed or tokenised.


_BRACE = re.compile(r"(\\(?:boxed|fbox)\s*\{)|\\.|[{}]", re.DOTALL)
_NUMBER = re.compile(r"[-+]?(?:\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(?:\.\d{1,15})? ?%?", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,15}", re.ASCII)
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_LOOSE = re.compile(r"[ \t]{0,4}([{}^_])[ \t]{0,4}")
_ROOT = re.compile(r"√\s?(?:\{([^{}]*)\}|\(([^()]*)\)|(\d+(?:\.\d+)?|[A-Za-z]))")
_SIGNS = {"°": r"^\circ", "º": r"^\circ", "˚": r"^\circ", "π": r"\pi", "%": r"\%"}
_SIGN = re.compile(r"\s?([°º˚])|(?<!\\)([π%])")


def number_gold(answer: Any) -> str:
    r"""A numeric answer in dollars: `1,234` -> `$1234$`, `75%` -> `$75\%$`. Raises `SkipRow` for any other answer."""
    text = str(answer).strip()
    if isinstance(answer, bool) or not _NUMBER.fullmatch(text):
        raise SkipRow("the answer is no number", text[:200])
    return f"${text.replace(',', '').replace('%', chr(92) + '%').replace(' ', '')}$"


def integer_gold(answer: Any) -> str:
    """A whole answer in dollars, also one in words: `two` -> `$2$`. Raises `SkipRow` for any other answer."""
    text = str(answer).strip().lower()
    text = str(_WORDS.index(text)) if text in _WORDS else text
    if isinstance(answer, bool) or not _INTEGER.fullmatch(text):
        raise SkipRow("the answer is no whole number", text[:200])
    return f"${text}$"


def find_last_boxed(text: str) -> str | None:
    r"""The content of the last `\boxed{…}` whose braces balance, or None. Linear in the length of `text`."""
    opened: list[tuple[bool, int]] = []  # is it a box, and where its content starts
    start, end = -1, -1
    for token in _BRACE.finditer(text):
        if token[1] or token[0] == "{":
            opened.append((token[1] is not None, token.end()))
        elif token[0] == "}" and opened:
            boxed, inside = opened.pop()
            if boxed and inside > start:
                start, end = inside, token.start()
    return text[start:end].strip() if start >= 0 else None


def wrap_in_dollars(latex: str) -> str:
    """`latex` as inline mathematics, which is what the answer format of the prompts asks for."""
    return latex if "$" in latex else f"${latex}$"


def remove_spaces(latex: str) -> str:
    r"""LaTeX without the blanks around braces and scripts that tokenised sets have: `\sqrt { 2 }` -> `\sqrt{2}`."""
    return _LOOSE.sub(r"\1", latex).strip()


def to_latex(text: str) -> str:
    r"""Printed signs as LaTeX: `√{3}` -> `\sqrt{3}`, `140°` -> `140^\circ`, `2πr` -> `2\pi r`."""
    rooted = _ROOT.sub(lambda root: rf"\sqrt{{{root[1] or root[2] or root[3]}}}", text.strip())
    return _SIGN.sub(lambda sign: _command(_SIGNS[sign[1] or sign[2]], rooted[sign.end() : sign.end() + 1]), rooted)


def _command(name: str, following: str) -> str:
    """A LaTeX command, kept apart from a letter behind it."""
    return f"{name} " if following.isalpha() else name


# Multiple choice, the same way in all sources: the right option's *value* where a rule can check it, else its letter.


LETTERS = "ABCDEFGHIJ"
CHECKABLE = frozenset(
    {
        "number",
        "numeric expression",
        "algebraic expression",
        "degrees",
        "number with unit",
        "ratio or time",
        "tuple or interval",
        "equation",
        "inequality",
    }
)
"""Types of gold, in the verifier's words, that one can be asked for without seeing options."""

_NUMERIC = re.compile(r"[\dπ]|\\pi")
_DECADE = re.compile(r"\d0s\b")
_POINTS = re.compile(
    r"\b(?:which|select|choose|choices?|options?|following|closest|not|except|incorrect|could|best|likely)\b"
    r"|下列|以下|选项|选择|可能|不能|正确|错误|最接近|不是",
    re.IGNORECASE,
)


def choice_gold(question: str, options: Sequence[str], right: int) -> tuple[str, Gold]:
    """The question as it is to be asked, and its gold; `right` counts from 0.

    Raises `SkipRow` for options that no letter can tell apart, `IndexError` where there is no right one.
    """
    if not 0 <= right < len(options) <= len(LETTERS):
        raise IndexError(f"option {right + 1} of {len(options)} is the right one")
    texts = [text.strip() for text in options]
    if not all(texts) or len(set(texts)) < len(texts):
        raise SkipRow("options are empty or repeated", " | ".join(texts))
    value = Gold(wrap_in_dollars(to_latex(texts[right])))
    if is_checkable(value) and not _POINTS.search(question):
        return question, value
    shown = "\n".join(f"{letter}. {text}" for letter, text in zip(LETTERS, texts, strict=False))
    return f"{question}\n{shown}", Gold(LETTERS[right], kind="choice", choices=tuple(texts))


def is_checkable(value: Gold) -> bool:
    """Whether an open question can have this gold: a number, or a formula with one in it."""
    found = classify_gold(value)
    numeric = bool(_NUMERIC.search(value.text)) and not _DECADE.search(value.text)  # the 1920s are no 1920 times s
    return found.usable and found.type in CHECKABLE and numeric
