"""A place in a list of tokens, and the bounds on how deep a reader may go from there."""

from __future__ import annotations

from mmk12.verifier.lexer import Token, Unreadable

MAX_DEPTH = 80
"""Nested atoms and sums; well inside Python's own stack."""

_END = Token("stop", "", False, False)


class Cursor:
    """The tokens, the present one, and how deep the reader is."""

    __slots__ = ("at", "bars", "blanks", "depth", "items", "last_bar", "now")

    def __init__(self, items: list[Token]) -> None:
        self.items = items
        self.at = 0
        self.depth = 0
        self.bars = 0
        self.last_bar = max((i for i, token in enumerate(items) if token.kind == "bar"), default=-1)
        self.blanks: bool | None = None
        self.now = items[0] if items else _END

    def step(self) -> Token:
        """Consumes the present token."""
        token = self.now
        self.at += 1
        self.now = self.items[self.at] if self.at < len(self.items) else _END
        return token

    def ahead(self, distance: int = 1) -> Token:
        index = self.at + distance
        return self.items[index] if index < len(self.items) else _END

    def expect(self, kind: str) -> Token:
        if self.now.kind != kind:
            raise Unreadable
        return self.step()

    def is_char(self, text: str) -> bool:
        return self.now.kind == "char" and self.now.text == text

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unreadable

    def group(self) -> list[Token]:
        """The tokens of a balanced `{…}`, without its braces."""
        self.expect("{")
        start, level = self.at, 1
        while level:
            token = self.step()
            if token.kind == "stop":
                raise Unreadable
            level += (token.kind == "{") - (token.kind == "}")
        return self.items[start : self.at - 1]
