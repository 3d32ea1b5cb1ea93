"""What several sources need to read their rows: a JSON file per problem, the boxed answer of a solution, tidy LaTeX."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mmk12 import storage
from mmk12.errors import BadInput, MissingData
from mmk12.files import Files
from mmk12.types import BrokenLine, Row

_BRACE = re.compile(r"(\\(?:boxed|fbox)\s*\{)|\\.|[{}]", re.DOTALL)
_LOOSE = re.compile(r"[ \t]*([{}^_])[ \t]*")


def json_files(files: Files, pattern: str) -> Iterator[Row | BrokenLine]:
    """The object in each JSON file that matches, with its `folder` and `stem`; unreadable files as broken lines."""
    for path in files.glob(pattern):
        try:
            value = storage.read_json(path)
        except (BadInput, MissingData, OSError) as error:
            yield BrokenLine(str(path), str(error))
            continue
        if isinstance(value, dict):
            yield {**value, "folder": path.parent.name, "stem": path.stem}
        else:
            yield BrokenLine(str(path), "no JSON object")


def last_boxed(text: str) -> str | None:
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


def in_dollars(latex: str) -> str:
    """`latex` as inline mathematics, which is what the answer format of the prompts asks for."""
    return latex if "$" in latex else f"${latex}$"


def tight(latex: str) -> str:
    r"""LaTeX without the blanks around braces and scripts that tokenised sets have: `\sqrt { 2 }` -> `\sqrt{2}`."""
    return _LOOSE.sub(r"\1", latex).strip()
