"""Reads the answer under a key of JSON, also of JSON that a program would refuse: cut, or with LaTeX not escaped."""

from __future__ import annotations

import re

MAX_VALUE = 4000
_KEY = re.compile(
    r"""(["'])(?:(?:the_|your_)?(?:final|correct|short)?[ _]?answers?|答案|final[ _]?result"""
    r"""|correct[ _]?(?:option|choice))\1\s*:\s*""",
    re.IGNORECASE,
)
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)(?:"|$)' r"|'((?:[^'\\]|\\.)*)(?:'|$)", re.DOTALL)
_PLAIN = re.compile(r"[^,}\]\n]*")
_ENTRY = re.compile(r"""\s*(?:(["'])([^"'\n]{1,40})\1\s*:\s*)?(?=\S)""")
_CLOSED = re.compile(r"\}\s*(?:```|\n|$)")
_QUOTED_END = re.compile(r'"\s*,?\s*\}*\s*(?:```)?\s*$')
_CODE = re.compile(r"(?<!\\)\\u((?![dD][89a-fA-F])[0-9a-fA-F]{4})")
"""A character by its code, as `\\u00b0`."""
_NEW_LINE = re.compile(
    r"\\n(?!(?:abla|atural|e|earrow|eg|eq|ewline|exists|geq|gtr|i|leq|less|mid|o|olimits|onumber|ot|otin|parallel|sim|u)"
    r"(?![A-Za-z]))"
)
"""A new line, and no command of LaTeX whose backslash is not doubled."""
_WORDS = {"true": "True", "false": "False", "null": "None"}


def find_json_answer(text: str) -> tuple[str, int] | None:
    """Returns the value of the last answer key and where what follows the object begins; None without such a key."""
    if '":' not in text and "':" not in text and '" :' not in text:
        return None
    begin = -1
    for match in _KEY.finditer(text):
        begin = match.end()
    if begin < 0:
        return None
    value, end = _read(text[begin : begin + MAX_VALUE])
    closed = _CLOSED.search(text, begin + end)
    return value, closed.end() if closed else len(text)


def _read(text: str) -> tuple[str, int]:
    """Returns a value as plain text and its length: lists by commas, objects by `name = value`."""
    if text[:1] in "[{" and text[:1]:
        return _read_several(text)
    quoted = _TEXT.match(text)
    if quoted:
        return unescape_json(quoted[1] if quoted[1] is not None else quoted[2]), quoted.end()
    plain = _PLAIN.match(text)
    value = plain[0].strip() if plain else ""
    return _WORDS.get(value, value), len(plain[0]) if plain else 0


def _read_several(text: str) -> tuple[str, int]:
    """Reads a list or an object whose entries are simple; deeper ones are returned as they are written."""
    closing = "]" if text[0] == "[" else "}"
    parts: list[str] = []
    position = 1
    while position < len(text) and len(parts) < 50:
        entry = _ENTRY.match(text, position)
        if entry is None or text[entry.end()] in closing + "[{":
            break
        value, length = _read(text[entry.end() :])
        parts.append(f"{entry[2].replace('_', ' ')} = {value}" if entry[2] else value)
        position = entry.end() + length
        while position < len(text) and text[position] in " ,\n\t":
            position += 1
    end = text.find(closing, position)
    if position < len(text) and end == position:
        quoted = '"' in text[:end] or "'" in text[:end]
        joined = ", ".join(parts)
        return (joined if closing == "}" or quoted else f"[{joined}]"), end + 1
    end = text.find(closing)
    return (text[: end + 1], end + 1) if end >= 0 else (text, len(text))


def read_scrap(text: str) -> str:
    """Returns an answer that was copied out of JSON without what was copied with it: `20",`, `["B", "F"]`."""
    shown = text.strip()
    if shown[:1] in "[{" and ('"' in shown or "'" in shown):
        value, end = _read_several(shown)
        if end >= len(shown):
            return value
    if '"' in shown and shown.count('"') == 1 and shown[-1:] != '"':
        match = _QUOTED_END.search(shown)
        return unescape_json(shown[: match.start()]) if match and match.start() else text
    return text


def unescape_json(text: str) -> str:
    r"""Returns the characters of a JSON string; what LaTeX writes and a program would refuse stays (`\sqrt`)."""
    if "\\" not in text:
        return text
    if "\\u" in text:
        text = _CODE.sub(lambda code: chr(int(code[1], 16)), text)
    if "\\\\" in text:
        return text.replace("\\\\", "\0").replace("\\n", "\n").replace('\\"', '"').replace("\0", "\\")
    return _NEW_LINE.sub("\n", text).replace('\\"', '"')
