"""A cursor over the tokens of an answer: what every rule of the grammar moves and looks ahead with."""

from __future__ import annotations

from itertools import takewhile

from mmk12.verifier.lexer import Token, UnreadableAnswer

MAX_DEPTH = 80
"""Nested sums and primaries; well inside Python's own recursion limit."""
_END = Token("stop", "", False)
_PRIMES = {"'": 1, '"': 2}


class TokenCursor:
    """Tokens, the position among them, and how deeply rules and brackets are nested there."""

    __slots__ = ("_only_spaced_numbers", "current", "depth", "open_bars", "open_groups", "position", "tokens")

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens = tokens
        self.position = 0
        self.current = tokens[0] if tokens else _END
        self.depth = 0
        self.open_bars = 0
        self.open_groups = 0
        self._only_spaced_numbers: bool | None = None

    def advance(self) -> Token:
        """Consumes the current token and returns it."""
        token = self.current
        self.position = position = self.position + 1
        self.current = self.tokens[position] if position < len(self.tokens) else _END
        return token

    def peek(self, distance: int = 1) -> Token:
        """Returns a token behind the current one without consuming anything."""
        position = self.position + distance
        return self.tokens[position] if position < len(self.tokens) else _END

    def expect(self, kind: str) -> Token:
        """Consumes the current token, which must be of this kind."""
        if self.current.kind != kind:
            raise UnreadableAnswer
        return self.advance()

    def descend(self) -> None:
        """Enters a nested rule; the caller subtracts 1 from `depth` when it is through."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise UnreadableAnswer

    def read_group(self) -> list[Token]:
        """Consumes a balanced `{…}` and returns its tokens without the outer braces."""
        self.expect("{")
        start, level = self.position, 1
        while level:
            token = self.advance()
            if token.kind == "stop":
                raise UnreadableAnswer
            level += (token.kind == "{") - (token.kind == "}")
        return self.tokens[start : self.position - 1]

    def split_numeral(self) -> None:
        """Cuts the first digit off the whole number here, if it has several."""
        token = self.current
        if token.kind == "num" and len(token.text) > 1 and token.text.isdigit():
            self.tokens = [
                *self.tokens[: self.position],
                Token("num", token.text[0], token.spaced),
                Token("num", token.text[1:], False),
                *self.tokens[self.position + 1 :],
            ]
            self.current = self.tokens[self.position]

    # Looking ahead

    def count_primes(self, start: int) -> tuple[int, int]:
        """Counts the primes at a position, and the tokens that they take: `'`, `''`, `"`, `^{\\prime}`."""
        texts = [token.text for token in self.tokens[start : start + 5]]
        if texts[:2] == ["^", "{"] and "}" in texts:
            return texts.count("'"), texts.index("}") + 1
        raised = texts[:1] == ["^"]
        primes = list(takewhile(_PRIMES.__contains__, texts[raised:]))
        return sum(_PRIMES[text] for text in primes), len(primes) + raised

    def has_only_spaced_numbers(self) -> bool:
        """Whether all tokens are signed numbers, two of them set apart by nothing but space."""
        if self._only_spaced_numbers is None:
            signed_numbers = all(token.kind == "num" or token.text in ("+", "-") for token in self.tokens)
            self._only_spaced_numbers = signed_numbers and any(
                a.kind == b.kind == "num" for a, b in zip(self.tokens, self.tokens[1:], strict=False)
            )
        return self._only_spaced_numbers
