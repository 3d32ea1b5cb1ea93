"""An answer as tokens: one left-to-right pass, one regular expression without nested repetition.

LaTeX commands that only dress their content disappear here; `$` disappears too, except that a gap between two
formulas (`$1$ $2$`) separates two answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from mmk12.verifier.units import LETTERS, UNITS
from mmk12.verifier.words import (
    CONTENT_COMMANDS,
    FUNCTIONS,
    GREEK,
    GREEK_LETTERS,
    HIDDEN_COMMANDS,
    OPERATORS,
    PLAIN_WORDS,
    RELATIONS,
    TEXT_COMMANDS,
    WORDS,
    names,
)

MAX_TOKENS = 1500


class Token(NamedTuple):
    """`spaced`: white space stood in front. `prose`: stood outside mathematics mode or in `\\text{…}`."""

    kind: str
    text: str
    spaced: bool
    prose: bool


class Unreadable(Exception):
    """The text is not in the language of answers, or is too large for it."""


_TOKEN = re.compile(
    r"""
      (?P<gap>  (?:\$+|\\\)|\\\]) (?:\s|\\[ ,;!]|\\quad|~)+ (?=\$|\\\(|\\\[) )
    | (?P<dollar> \$+ | \\[()\[\]] )
    | (?P<deg>
          \^\s*\{\s*(?:\\circ|\\degree|°|o)\s*\} | \^\s*(?:\\circ\b|\\degree\b|°|o\b) | \\degree\b | \\circ\b | ° )
    | (?P<empty> \{\s*\} )
    | (?P<space> (?: \s | ~ | \\[ ,;:!>] | \\qquad | \\quad )+ )
    | (?P<num>  \d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)? | \d+(?:\.\d+)?(?:[eE][+-]?\d{1,12}(?![A-Za-z0-9]))? | \.\d+ )
    | (?P<env>  \\(?:begin|end)\s*\{[A-Za-z]+\*?\} )
    | (?P<cmd>  \\[A-Za-z]+ )
    | (?P<row>  \\\\ )
    | (?P<esc>  \\. )
    | (?P<word> [A-Za-z]+ )
    | (?P<han>  [\u4e00-\u9fff]+ )
    | (?P<rel>  //|<=|>=|!=|==|=>|=<|-> )
    | (?P<pow>  \*\* )
    | (?P<char> . )
    """,
    re.VERBOSE | re.DOTALL,
)

_THIN_COMMA = re.compile(r"\{,\}|,\s*\\!\s*")
"""The comma of `12{,}345` and `12,\\!345` groups digits; it separates nothing."""

_TWO = {"//": "∥", "<=": "≤", ">=": "≥", "!=": "≠", "==": "=", "=<": "≤", "->": "→", "=>": "→"}
_SIGNS = {
    "π": ("const", "pi"),
    "∞": ("const", "inf"),
    "√": ("sqrt", "√"),
    "%": ("%", "%"),
    "∪": ("cup", "∪"),
    "∩": ("cup", "∩"),
    "∅": ("sym", "∅"),
    "∠": ("angle", "∠"),
    "€": ("unit", "€"),
    ",": ("sep", ","),
    ";": ("sep", ";"),
    "|": ("bar", "|"),
    "∣": ("bar", "|"),
}
_BRACKETS = {"(": "open", "[": "open", "{": "{", ")": "close", "]": "close", "}": "}"}
_COMMANDS = {
    "frac": ("frac", "frac"),
    "dfrac": ("frac", "frac"),
    "tfrac": ("frac", "frac"),
    "cfrac": ("frac", "frac"),
    "sqrt": ("sqrt", "√"),
    "binom": ("binom", "binom"),
    "dbinom": ("binom", "binom"),
    "tbinom": ("binom", "binom"),
    "pi": ("const", "pi"),
    "infty": ("const", "inf"),
    "cup": ("cup", "∪"),
    "cap": ("cup", "∩"),
    "emptyset": ("sym", "∅"),
    "varnothing": ("sym", "∅"),
    "angle": ("angle", "∠"),
    "measuredangle": ("angle", "∠"),
    "triangle": ("angle", "△"),
    "vartriangle": ("angle", "△"),
    "lbrace": ("set", "{"),
    "rbrace": ("tes", "}"),
    "mid": ("bar", "|"),
    "vert": ("bar", "|"),
    "lvert": ("bar", "|"),
    "rvert": ("bar", "|"),
    "langle": ("open", "("),
    "rangle": ("close", ")"),
    "prime": ("char", "'"),
    "percent": ("%", "%"),
    **{name: ("rel", sign) for name, sign in RELATIONS.items() if name.isascii() and name.isalpha()},
    **{name: ("char", sign) for name, sign in OPERATORS.items()},
    **{name: ("sym", name) for name in GREEK},
    **{name: ("fn", name) for name in FUNCTIONS},
}
_IGNORED = names(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr middle limits nolimits displaystyle textstyle "
    "scriptstyle noindent qquad quad thinspace"
)
_ENDS_NUMBER = frozenset(("num", "}", "close", "const", "unit"))
_UNIT_MODIFIERS = frozenset(("square", "sq", "cubic"))


def _letters(run: str, prose: bool, spaced: bool, follows_number: bool) -> list[tuple[str, str]]:
    """What a run of ASCII letters is."""
    if len(run) == 1:
        if prose and follows_number and run in LETTERS and (run in "mgL" or spaced):
            return [("letterunit", run)]
        return [("sym", run)]
    if run in WORDS:
        return [WORDS[run]]
    if run.isupper() and len(run) == 2:
        # A segment, were it OR or BE.
        return [("run", run)]
    lower = run.lower()
    if lower in WORDS and (run.istitle() or run.isupper()):
        return [WORDS[lower]]
    if run in FUNCTIONS:
        return [("fn", run)]
    if run in UNITS:
        return [("unit", run)]
    if lower in UNITS and len(run) > 2:
        return [("unit", lower)]
    if lower in _UNIT_MODIFIERS:
        return [("unitmod", lower)]
    if lower in PLAIN_WORDS:
        return [("word", run)]
    if run.isupper() or (len(run) <= 3 and not run.istitle()):
        for name in ("sin", "cos", "tan"):
            if run.startswith(name):
                return [("fn", name), ("run", run[len(name) :])]
        return [("run", run)]
    for name in ("sin", "cos", "tan", "log", "ln"):
        if run.startswith(name) and len(run) == len(name) + 1:
            return [("fn", name), ("sym", run[-1])]
    return [("word", run)]


class _Lexer:
    """The state of one pass."""

    __slots__ = ("depth", "dressing", "found", "frames", "hidden", "math", "spaced", "text_depth")

    def __init__(self, math: bool) -> None:
        self.found: list[Token] = []
        self.frames: list[str] = []  # open braces: "{" a group, "T" text, "D" other dressing, "H" hidden
        self.spaced = False
        self.math = math
        self.depth = self.text_depth = self.hidden = 0
        self.dressing = ""  # the kind of frame that the next brace opens

    def put(self, kind: str, text: str) -> None:
        if not self.hidden:
            self.found.append(Token(kind, text, self.spaced, self.text_depth > 0 or not self.math))
            if len(self.found) > MAX_TOKENS:
                raise Unreadable
        self.spaced = False

    def gap(self, text: str) -> None:
        self.put("sep", "$")
        self.spaced, self.math = True, False

    def dollar(self, text: str) -> None:
        self.math = not self.math if text[0] == "$" else text in ("\\(", "\\[")

    def deg(self, text: str) -> None:
        self.put("deg", "°")

    def empty(self, text: str) -> None:
        pass

    def space(self, text: str) -> None:
        if "\n" in text and not self.depth and not self.frames:
            self.put("sep", "\n")
        self.spaced = True

    def num(self, text: str) -> None:
        if "," not in text or not self.depth:
            self.put("num", text)
            return
        for index, part in enumerate(text.split(",")):
            if index:
                self.put("sep", ",")
            self.put("num", part)

    def env(self, text: str) -> None:
        self.put("begin" if text[1] == "b" else "end", text[text.index("{") + 1 : -1].rstrip("*"))

    def cmd(self, text: str) -> None:
        name = text[1:]
        if name in _COMMANDS:
            self.put(*_COMMANDS[name])
        elif name in CONTENT_COMMANDS:
            self.dressing = "T" if name in TEXT_COMMANDS else "D"
        elif name in HIDDEN_COMMANDS:
            self.dressing = "H"
        elif name not in _IGNORED:
            self.put("word", text)

    def row(self, text: str) -> None:
        self.put("row", text)

    def esc(self, text: str) -> None:
        sign = text[1]
        if sign in "{}":
            self.depth = self.depth + 1 if sign == "{" else max(0, self.depth - 1)
            self.put("set" if sign == "{" else "tes", sign)
        elif sign in "%|":
            self.put(*_SIGNS[sign])
        elif sign not in "$.-/":
            self.put("char", sign)

    def word(self, text: str) -> None:
        prose = self.text_depth > 0 or not self.math
        follows = bool(self.found) and self.found[-1].kind in _ENDS_NUMBER
        if text in LETTERS and [token.kind for token in self.found[-2:]] == ["unit", "char"]:
            # km/h: behind a unit even one letter is a unit.
            self.put("letterunit", text)
            return
        for kind, name in _letters(text, prose, self.spaced, follows):
            self.put(kind, name)

    def han(self, text: str) -> None:
        self.put(*WORDS.get(text, ("unit" if text in UNITS else "word", text)))

    def rel(self, text: str) -> None:
        self.put("rel", _TWO[text])

    def pow(self, text: str) -> None:
        self.put("char", "^")

    def char(self, text: str) -> None:
        if text == "{":
            if self.dressing:
                self.frames.append(self.dressing)
                self.text_depth += self.dressing == "T"
                self.hidden += self.dressing == "H"
                self.dressing = ""
                return
            self.frames.append("{")
        elif text == "}" and self.frames:
            frame = self.frames.pop()
            if frame != "{":
                self.text_depth -= frame == "T"
                self.hidden -= frame == "H"
                return
        if text in _BRACKETS:
            self.depth = self.depth + 1 if text in "([{" else max(0, self.depth - 1)
            self.put(_BRACKETS[text], text)
        elif text in RELATIONS:
            self.put("rel", RELATIONS[text])
        elif text in _SIGNS:
            self.put(*_SIGNS[text])
        elif text in GREEK_LETTERS:
            self.put("sym", GREEK_LETTERS[text])
        else:
            self.put("char", text)


_STEPS: dict[str, Callable[[_Lexer, str], None]] = {name: getattr(_Lexer, name) for name in _TOKEN.groupindex}


def tokens(text: str) -> list[Token]:
    """The tokens of `text`, which has gone through `chars.plain`. Raises `Unreadable` past `MAX_TOKENS`."""
    if "\\!" in text or "{,}" in text:
        text = _THIN_COMMA.sub(",", text)
    lexer = _Lexer(math="\\" in text and "$" not in text)
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind is not None:
            if lexer.dressing and kind not in ("char", "space"):
                lexer.dressing = ""
            _STEPS[kind](lexer, match.group())
    return lexer.found
