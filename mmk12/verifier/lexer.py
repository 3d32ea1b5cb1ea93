"""An answer as tokens: one left-to-right pass, one regular expression without nested repetition.

LaTeX commands that only dress their content disappear here; `$` disappears too, except that a gap between two
formulas (`$1$ $2$`) separates two answers.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable

from mmk12.verifier.nodes import frozen
from mmk12.verifier.units import CURRENCIES, LETTERS, UNITS
from mmk12.verifier.vocabulary import (
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
    split_names,
)

# The spellings of tokens: where one ends, and what each known spelling is, in tables made once.


@frozen
class Token:
    """`spaced`: white space stood in front."""

    kind: str
    text: str
    spaced: bool


LEXEME = re.compile(
    r"""
      [A-Za-z]+
    | \d{1,3}(?=,)(?:,\d{3})+(?!\d)(?:\.\d+)?
    | \d+(?:(?![.eE])|(?:\.\d+|\.(?=\\(?:mathrm|text)))?(?:[eE][+-]?\d{1,12}(?![A-Za-z0-9]))?) | \.\d+
    | [()\[\]},;:|'_+%&]
    | \{(?:\s*\}|)
    | [\s~]+ (?:(?!\\)|(?:\\(?:[ ,;:!>]|q?quad)[\s~]*)*)
    | \$+ (?:(?![\s~\\])|(?:[\s~]|\\[ ,;!]|\\quad)+(?=\$|\\\(|\\\[)|)
    | \\ (?: (?=(?:circ|degree)(?![A-Za-z])\w)
           | [)\]](?:\s|\\[ ,;!]|\\quad|~)+(?=\$|\\\(|\\\[)
           | (?:[ ,;:!>]|q?quad)(?:\s|~|\\[ ,;:!>]|\\q?quad)*
           | (?:begin|end)\s*\{[A-Za-z]+\*?\}
           | mathbb\{R\}
           | [A-Za-z]+
           | . )
    | \^ (?: \s*\{\s*(?:\\circ|\\degree|°|o)\s*\} | \s*(?:\\(?:circ|degree)\b|°|o\b) )?
    | [\u4e00-\u9fff]+
    | [<>!]=? | =[=<>]? | ->? | //? | \*\*?
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
"""White space with what LaTeX adds to it, a dollar with the gap to the next formula, and `^\\circ` are one lexeme.
The looks ahead spare most lexemes the repetitions behind them.

The backslash of `^\\circ15` stands alone, so that what is glued to a digit is a word and no degree sign."""

_UNIT_MODIFIERS = ("square", "sq", "cubic")

_SIGNS = {
    "π": ("const", "pi"),
    "∞": ("const", "inf"),
    "√": ("sqrt", "√"),
    "%": ("%", "%"),
    "∪": ("cup", "∪"),
    "∩": ("cup", "∩"),
    "∅": ("sym", "∅"),
    "∠": ("angle", "∠"),
    **{sign: ("floor", sign) for sign in "⌊⌈"},
    **{sign: ("close", sign) for sign in "⌋⌉"},
    **{sign: ("currency", sign) for sign in CURRENCIES - {"$"}},
    ",": ("sep", ","),
    ";": ("sep", ";"),
    "|": ("bar", "|"),
    "∣": ("bar", "|"),
    **{sign: ("sym", name) for sign, name in GREEK_LETTERS.items()},
    **{sign: ("rel", name) for sign, name in RELATIONS.items() if not sign.isascii() or not sign.isalpha()},
    **{sign: ("char", sign) for sign in "+-*/^_':!.?&"},
}
_PAIRS = {
    "//": ("rel", "∥"),
    "<=": ("rel", "≤"),
    ">=": ("rel", "≥"),
    "!=": ("rel", "≠"),
    "==": ("rel", "="),
    "=<": ("rel", "≤"),
    "->": ("rel", "→"),
    "=>": ("rel", "→"),
    "**": ("char", "^"),
    "\\\\": ("row", "\\\\"),
    "\\%": ("%", "%"),
    "\\$": ("currency", "$"),
    "\\mathbb{R}": ("sym", "ℝ"),
    "\\|": ("bar", "|"),
}
_COMMANDS = {
    "frac": ("frac", "frac"),
    "dfrac": ("frac", "frac"),
    "tfrac": ("frac", "frac"),
    "cfrac": ("frac", "frac"),
    "sqrt": ("sqrt", "√"),
    "choose": ("infix", "choose"),
    "over": ("infix", "over"),
    "binom": ("binom", "binom"),
    "dbinom": ("binom", "binom"),
    "tbinom": ("binom", "binom"),
    "pi": ("const", "pi"),
    "infty": ("const", "inf"),
    "cup": ("cup", "∪"),
    "cap": ("cup", "∩"),
    "setminus": ("cup", "∖"),
    "backslash": ("cup", "∖"),
    "emptyset": ("sym", "∅"),
    "varnothing": ("sym", "∅"),
    "angle": ("angle", "∠"),
    "measuredangle": ("angle", "∠"),
    "triangle": ("angle", "△"),
    "vartriangle": ("angle", "△"),
    "lfloor": ("floor", "⌊"),
    "lceil": ("floor", "⌈"),
    "rfloor": ("close", "⌋"),
    "rceil": ("close", "⌉"),
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
    "circ": ("deg", "°"),
    "degree": ("deg", "°"),
    **{name: ("rel", sign) for name, sign in RELATIONS.items() if name.isascii() and name.isalpha()},
    **{name: ("char", sign) for name, sign in OPERATORS.items()},
    **{name: ("sym", name) for name in GREEK},
    **{name: ("fn", name) for name in FUNCTIONS},
}


def split_letters(run: str) -> list[tuple[str, str]]:
    """What a run of at least two ASCII letters is, as kinds and texts."""
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


Forms = tuple[Token, Token]
"""One token without and with space in front."""


def glyph_forms(kind: str, text: str) -> Forms:
    """Both forms of a token."""
    return Token(kind, text, False), Token(kind, text, True)


def _fixed() -> dict[str, tuple[str, str]]:
    known = {**_SIGNS, **_PAIRS, **{f"\\{name}": found for name, found in _COMMANDS.items()}}
    known |= dict.fromkeys(("°", "^°", "^\\circ", "^{\\circ}"), ("deg", "°"))
    known |= {str(number): ("num", str(number)) for number in range(100)}
    for run in (*WORDS, *FUNCTIONS, *UNITS, *_UNIT_MODIFIERS, *PLAIN_WORDS):
        if not run.isascii():
            known[run] = WORDS.get(run, ("unit", run))
        elif len(run) > 1:
            (known[run],) = split_letters(run)
    return known


FIXED = {lexeme: glyph_forms(*found) for lexeme, found in _fixed().items()}
"""The tokens of the lexemes that mean the same everywhere."""

SIGNS = frozenset(_SIGNS)
BRACKETS = {bracket: glyph_forms("open" if bracket in "([" else "close", bracket) for bracket in "([])"}
BRACES = {brace: glyph_forms(brace, brace) for brace in "{}"}
SYMBOLS = {letter: glyph_forms("sym", letter) for letter in string.ascii_letters}


MAX_TOKENS = 1500


class UnreadableAnswer(Exception):
    """The text is not in the language of answers, or is too large for it."""


_THIN_COMMA = re.compile(r"\{,\}|,\s*\\!\s*")
"""The comma of `12{,}345` and `12,\\!345` groups digits; it separates nothing."""

_IGNORED = split_names(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr middle limits nolimits displaystyle textstyle "
    "scriptstyle noindent qquad quad thinspace"
)
_SPACES = frozenset(" ,;:!>")
_LETTERS = frozenset(string.ascii_letters)
_ENDS_NUMBER = frozenset(("num", "}", "close", "const", "unit"))


class _Lexer:
    """The state of one pass, and one method for each class of lexemes."""

    __slots__ = ("depth", "dressing", "found", "frames", "hidden", "math", "spaced", "text_depth")

    def __init__(self, math: bool) -> None:
        self.found: list[Token] = []
        self.frames: list[str] = []  # open braces: "{" a group, "T" text, "D" other dressing, "H" hidden
        self.spaced = False
        self.math = math
        self.depth = self.text_depth = self.hidden = 0
        self.dressing = ""  # the kind of frame that the next brace opens; only signs and space may come before it

    def put(self, kind: str, text: str) -> None:
        if not self.hidden:
            self.found.append(Token(kind, text, self.spaced))
        self.spaced = False

    def add(self, forms: Forms) -> None:
        """`put` for a token of a table."""
        if not self.hidden:
            self.found.append(forms[self.spaced])
        self.spaced = False

    def number(self, lexeme: str) -> None:
        self.dressing = ""
        if "," not in lexeme or not self.depth:
            self.put("num", lexeme)
            return
        for index, part in enumerate(lexeme.split(",")):
            if index:
                self.put("sep", ",")
            self.put("num", part)

    def run(self, lexeme: str) -> None:
        """ASCII letters."""
        self.dressing = ""
        if len(lexeme) > 1:
            for kind, name in split_letters(lexeme):
                self.put(kind, name)
        elif lexeme in LETTERS and self.measures(lexeme):
            self.put("letterunit", lexeme)
        else:
            self.add(SYMBOLS[lexeme])

    def measures(self, letter: str) -> bool:
        """Whether this letter is a unit here: `3 m` in prose, and in any mode the second unit of `km/h`."""
        before = self.found[-2:]
        if len(before) == 2 and before[0].kind in ("unit", "letterunit") and before[1].text in ("/", "*"):
            return True
        prose = self.text_depth > 0 or not self.math
        return prose and bool(before) and before[-1].kind in _ENDS_NUMBER and (self.spaced or letter in ("m", "g", "L"))

    def space(self, lexeme: str) -> None:
        if "\n" in lexeme and not self.depth and not self.frames:
            self.put("sep", "\n")
        self.spaced = True

    def dollar(self, lexeme: str) -> None:
        """Dollars, or `\\(`, `\\]` and their like; with the space behind them where another formula follows."""
        self.dressing = ""
        if not lexeme.endswith(("$", "(", ")", "[", "]")):
            self.put("sep", "$")
            self.spaced, self.math = True, False
        else:
            self.math = not self.math if lexeme[0] == "$" else lexeme in ("\\(", "\\[")

    def backslash(self, lexeme: str) -> None:
        """A command, an environment, LaTeX's white space or an escaped sign."""
        sign = lexeme[1:2]
        if sign in _SPACES or lexeme.startswith(("\\quad", "\\qquad")):
            self.space(lexeme)
        elif sign and sign in "()[]":
            self.dollar(lexeme)
        elif sign in _LETTERS:
            self.command(lexeme)
        else:
            self.escaped(sign)

    def escaped(self, sign: str) -> None:
        """`\\{` and the like; a backslash at the very end escapes nothing."""
        if not sign:
            self.put("char", "\\")
            return
        self.dressing = ""
        if sign in "{}":
            self.depth = self.depth + 1 if sign == "{" else max(0, self.depth - 1)
            self.put("set" if sign == "{" else "tes", sign)
        elif sign not in "$.-/":
            self.put("char", sign)

    def command(self, lexeme: str) -> None:
        """A command that is in no table of tokens."""
        self.dressing = ""
        name = lexeme[1:]
        if name[-1] == "}":
            self.put(name[: name.index("{")].rstrip(), name[name.index("{") + 1 : -1].rstrip("*"))
        elif name in CONTENT_COMMANDS:
            self.dressing = "T" if name in TEXT_COMMANDS else "D"
        elif name in HIDDEN_COMMANDS:
            self.dressing = "H"
        elif name not in _IGNORED:
            self.put("word", lexeme)

    def degree(self, lexeme: str) -> None:
        """Rare spellings of `^\\circ`; the others are in the table, and so is a lone `^`."""
        self.dressing = ""
        self.put("deg", "°")

    def opening_brace(self, lexeme: str) -> None:
        if len(lexeme) > 1:
            self.dressing = ""
        elif self.dressing:
            self.frames.append(self.dressing)
            self.text_depth += self.dressing == "T"
            self.hidden += self.dressing == "H"
            self.dressing = ""
        else:
            self.frames.append("{")
            self.depth += 1
            self.add(BRACES["{"])

    def closing_brace(self, lexeme: str) -> None:
        frame = self.frames.pop() if self.frames else "{"
        if frame == "{":
            self.depth = max(0, self.depth - 1)
            self.add(BRACES["}"])
        else:
            self.text_depth -= frame == "T"
            self.hidden -= frame == "H"

    def opening(self, lexeme: str) -> None:
        self.depth += 1
        self.add(BRACKETS[lexeme])

    def closing(self, lexeme: str) -> None:
        self.depth = max(0, self.depth - 1)
        self.add(BRACKETS[lexeme])

    def other(self, lexeme: str) -> None:
        """What does not begin with an ASCII character of the table: Chinese, foreign digits and spaces, signs."""
        if lexeme[0].isspace():
            self.space(lexeme)
        elif lexeme[0].isdecimal():
            self.number(lexeme)
        elif "\u4e00" <= lexeme[0] <= "\u9fff":
            self.dressing = ""
            self.put("word", lexeme)
        else:
            self.put("char", lexeme)


_CLASSES: dict[str, Callable[[_Lexer, str], None]] = {
    **dict.fromkeys(string.digits + ".", _Lexer.number),
    **dict.fromkeys(_LETTERS, _Lexer.run),
    **dict.fromkeys(string.whitespace + "~", _Lexer.space),
    "^": _Lexer.degree,
    **dict.fromkeys("([", _Lexer.opening),
    **dict.fromkeys(")]", _Lexer.closing),
    "$": _Lexer.dollar,
    "\\": _Lexer.backslash,
    "{": _Lexer.opening_brace,
    "}": _Lexer.closing_brace,
}
"""The class of a lexeme by its first character, for those that are not in `FIXED`."""


def tokenize(text: str) -> list[Token]:
    """The tokens of `text`, which has gone through `chars.plain`. Raises `Unreadable` past `MAX_TOKENS`."""
    if "\\!" in text or "{,}" in text:
        text = _THIN_COMMA.sub(",", text)
    lexer = _Lexer("\\" in text and "$" not in text)
    found = lexer.found
    for lexeme in LEXEME.findall(text):
        both = FIXED.get(lexeme)
        if both is not None:
            if lexer.dressing and lexeme not in SIGNS:
                lexer.dressing = ""
            # `lexer.add`, written out: most tokens pass here.
            if not lexer.hidden:
                found.append(both[lexer.spaced])
            lexer.spaced = False
        elif lexeme == " ":
            lexer.spaced = True
        else:
            _CLASSES.get(lexeme[0], _Lexer.other)(lexer, lexeme)
    if len(lexer.found) > MAX_TOKENS:
        raise UnreadableAnswer
    return lexer.found
