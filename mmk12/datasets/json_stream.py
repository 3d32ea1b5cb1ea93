"""Reads the items of a large JSON array one at a time: DVQA's questions are one array of half a gigabyte."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, TextIO

from mmk12.types import BrokenLine
from mmk12.utils.archives import MEMBER_FAULTS

MAX_ITEM = 4 << 20
"""Largest item in characters."""

_CHUNK = 1 << 16
_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER_CONTINUES = ("", *"0123456789.eE+-")
"""The characters after which a number may continue in the next chunk."""
_DECODER = json.JSONDecoder()


def iter_items(open_file: Callable[[], BinaryIO], where: str, key: str | None = None) -> Iterator[Any | BrokenLine]:
    """Yields the items of the JSON array in a file; if the file holds an object, of the array under `key`.

    `open_file` opens the file or archive member, `where` is its name for messages. Ends with a `BrokenLine` at invalid
    JSON or a damaged archive. The time is linear in the size of the file, the memory that of its largest item.
    """
    count = 0
    try:
        with open_file() as binary:
            reader = _Reader(io.TextIOWrapper(binary, encoding="utf-8-sig"))
            if key is not None and reader.peek() == "{":
                reader.enter(key)
            reader.take("[")
            if reader.peek() == "]":
                return
            while True:
                yield reader.value()
                count += 1
                if reader.take(",]") == "]":
                    return
    except (*MEMBER_FAULTS, RecursionError) as error:
        yield BrokenLine(where, f"not valid JSON after {count:,} items: {error}")


class _Reader:
    """Reads tokens and values from a file of which only the current part is in memory."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text, self._at = "", 0

    def peek(self) -> str:
        """Returns the next character that is not white space, without consuming it; empty at the end."""
        while True:
            blank = _SPACE.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def take(self, expected: str) -> str:
        """Consumes the next character, which must be one of `expected`. Raises `ValueError`."""
        char = self.peek()
        if not char or char not in expected:
            raise ValueError(f"'{char}' where one of '{expected}' is expected" if char else "unexpected end of file")
        self._at += 1
        return char

    def value(self) -> Any:
        """Consumes and returns the next value. Raises `ValueError`."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if len(self._text) - self._at > MAX_ITEM or not self._more():
                    raise
            else:
                if self._text[end : end + 1] not in _NUMBER_CONTINUES or not self._more():
                    self._at = end
                    return value

    def enter(self, key: str) -> None:
        """Moves to the value of `key` in the object at this position. Raises `ValueError`."""
        self.take("{")
        while self.value() != key:
            self.take(":")
            self.value()
            if self.take(",}") == "}":
                raise ValueError(f"the key '{key}' is missing")
        self.take(":")

    def _more(self) -> bool:
        """Reads the next part, at least as large as the current one, so that a long value costs linear time."""
        chunk = self._file.read(max(_CHUNK, len(self._text) - self._at))
        self._text, self._at = self._text[self._at :] + chunk, 0
        return bool(chunk)
