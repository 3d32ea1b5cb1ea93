"""Splits an answer into tokens: one pass from left to right with one regular expression, without nested repetition.

The expression cuts the text into lexemes. A table (`FIXED`) gives the token of each lexeme that means the same
everywhere; a method of `_Lexer` reads each of the others by its first character. LaTeX commands that only format their
content are left out, and so is `$`, except that a gap between two formulas (`$1$ $2$`) separates two answers.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable

from mmk12.verifier.nodes import frozen
from mmk12.verifier.units import CURRENCIES, UNITS
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

MAX_TOKENS = 1500


class UnreadableAnswer(Exception):
    """The text is not in the language of answers, or is too large for it."""


@frozen
class Token:
    """A token: what it is, how it is written, and whether white space stands before it."""

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
           | (?:overrightarrow|vec)\s*\{\s*[A-Z]\s*[A-Z]\s*\}
           | (?:overline|bar)\s*(?:\{\s*[A-Za-z]\s*\}|[A-Za-z](?![A-Za-z]))
           | [A-Za-z]+
           | . )
    | \^ (?: \s*\{\s*(?:\\circ|\\degree|°|o)\s*\} | \s*(?:\\(?:circ|degree)\b|°|o\b) )?
    | [\u4e00-\u9fff]+
    | [<>!]=? | =[=<>]? | ->? | //? | \*\*?
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
"""One lexeme. White space with LaTeX's, a dollar with the gap to the next formula, and `^\\circ` are one lexeme each.

The lookaheads skip the repetitions behind them in most cases. The backslash of `^\\circ15` is a lexeme of its own, so
that what is glued to a digit is a word and not a degree sign.
"""

# Tables: the token of each lexeme that means the same everywhere


Meaning = tuple[str, str]
"""Kind and text of a token"""

_UNIT_MODIFIERS = ("square", "sq", "cubic")
ONE_LETTER_UNITS = frozenset(name for name in UNITS if len(name) == 1 and name.isascii())
"""Units that are variables in mathematics mode."""

_SIGNS: dict[str, Meaning] = {
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
_PAIRS: dict[str, Meaning] = {
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
_COMMANDS: dict[str, Meaning] = {
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
    "wedge": ("sep", ","),
    "land": ("sep", ","),
    "vee": ("sep", "or"),
    "lor": ("sep", "or"),
    "circ": ("deg", "°"),
    "degree": ("deg", "°"),
    **{name: ("rel", sign) for name, sign in RELATIONS.items() if name.isascii() and name.isalpha()},
    **{name: ("char", sign) for name, sign in OPERATORS.items()},
    **{name: ("sym", name) for name in GREEK},
    **{name: ("fn", name) for name in FUNCTIONS},
}


def split_letters(run: str) -> list[Meaning]:
    """Returns the tokens that a run of at least two ASCII letters stands for."""
    if run in WORDS:
        return [WORDS[run]]
    if run.isupper() and len(run) == 2:
        # A segment, even if it reads OR or BE.
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


TokenPair = tuple[Token, Token]
"""The same token without and with white space before it, made once: `pair[spaced]`"""


def _make_pair(kind: str, text: str) -> TokenPair:
    return Token(kind, text, False), Token(kind, text, True)


def _list_fixed() -> dict[str, Meaning]:
    meanings = {**_SIGNS, **_PAIRS, **{f"\\{name}": meaning for name, meaning in _COMMANDS.items()}}
    meanings |= dict.fromkeys(("°", "^°", "^\\circ", "^{\\circ}"), ("deg", "°"))
    meanings |= {str(number): ("num", str(number)) for number in range(100)}
    for run in (*WORDS, *FUNCTIONS, *UNITS, *_UNIT_MODIFIERS, *PLAIN_WORDS):
        if not run.isascii():
            meanings[run] = WORDS.get(run, ("unit", run))
        elif len(run) > 1:
            (meanings[run],) = split_letters(run)
    return meanings


FIXED = {lexeme: _make_pair(*meaning) for lexeme, meaning in _list_fixed().items()}
"""The tokens of the lexemes that mean the same everywhere."""

_SIGN_LEXEMES = frozenset(_SIGNS)
_BRACKETS = {bracket: _make_pair("open" if bracket in "([" else "close", bracket) for bracket in "([])"}
_BRACES = {brace: _make_pair(brace, brace) for brace in "{}"}
_SYMBOLS = {letter: _make_pair("sym", letter) for letter in string.ascii_letters}


# The pass over the lexemes


_THIN_COMMA = re.compile(r"\{,\}|,\s*\\!\s*")
"""The comma of `12{,}345` and `12,\\!345`, which groups digits and separates nothing."""

_OVER_NAME = re.compile(r"\\(?:overrightarrow|vec|overline|bar)\s*\{?\s*([A-Za-z]|[A-Z]\s*[A-Z])\s*(?:\}|\Z)")
"""A whole lexeme: an arrow over two points, or a bar over one letter."""
_IGNORED = split_names(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr middle limits nolimits displaystyle textstyle "
    "scriptstyle noindent qquad quad thinspace tiny small normalsize large Large LARGE huge Huge"
)
"""Commands that mean nothing here."""
_SPACES = frozenset(" ,;:!>")
"""What makes white space behind a backslash."""
_LETTERS = frozenset(string.ascii_letters)
_NUMBER_ENDS = frozenset(("num", "}", "close", "const", "unit"))
"""Kinds of tokens behind which a letter may be a unit."""


class _Lexer:
    """The state of one pass, and one method for each class of lexemes.

    A LaTeX command that formats its content sets `command_frame`, and the next brace then opens no group but a frame of
    that kind. Only signs and white space may stand between the two.
    """

    __slots__ = ("command_frame", "depth", "frames", "hidden", "math", "spaced", "text_depth", "tokens")

    def __init__(self, math: bool) -> None:
        """`math`: whether the text begins in mathematics mode."""
        self.tokens: list[Token] = []
        self.frames: list[str] = []  # open braces: "{" a group, "T" text, "D" another format, "H" hidden content
        self.command_frame = ""
        self.spaced = False
        self.math = math
        self.depth = self.text_depth = self.hidden = 0

    def add(self, kind: str, text: str) -> None:
        """Adds a token, unless it is hidden."""
        if not self.hidden:
            self.tokens.append(Token(kind, text, self.spaced))
        self.spaced = False

    def add_known(self, pair: TokenPair) -> None:
        """Adds a token of a table, unless it is hidden."""
        if not self.hidden:
            self.tokens.append(pair[self.spaced])
        self.spaced = False

    def read_number(self, lexeme: str) -> None:
        """Reads a number; inside brackets, `1,234` is two numbers."""
        self.command_frame = ""
        if "," not in lexeme or not self.depth:
            self.add("num", lexeme)
            return
        for index, part in enumerate(lexeme.split(",")):
            if index:
                self.add("sep", ",")
            self.add("num", part)

    def read_letters(self, lexeme: str) -> None:
        """Reads ASCII letters."""
        self.command_frame = ""
        if len(lexeme) > 1:
            for kind, text in split_letters(lexeme):
                self.add(kind, text)
        elif lexeme in ONE_LETTER_UNITS and self._is_unit(lexeme):
            self.add("letterunit", lexeme)
        else:
            self.add_known(_SYMBOLS[lexeme])

    def _is_unit(self, letter: str) -> bool:
        """Whether this letter is a unit here: `3 m` in prose, and in any mode the second unit of `km/h`."""
        before = self.tokens[-2:]
        if len(before) == 2 and before[0].kind in ("unit", "letterunit") and before[1].text in ("/", "*"):
            return True
        prose = self.text_depth > 0 or not self.math
        return prose and bool(before) and before[-1].kind in _NUMBER_ENDS and (self.spaced or letter in ("m", "g", "L"))

    def read_space(self, lexeme: str) -> None:
        """Reads white space; at the top level, a new line separates two answers."""
        if "\n" in lexeme and not self.depth and not self.frames:
            self.add("sep", "\n")
        self.spaced = True

    def read_dollar(self, lexeme: str) -> None:
        """Reads dollars, `\\(`, `\\]` and their like, with the white space behind them if another formula follows."""
        self.command_frame = ""
        if not lexeme.endswith(("$", "(", ")", "[", "]")):
            self.add("sep", "$")
            self.spaced, self.math = True, False
        else:
            self.math = not self.math if lexeme[0] == "$" else lexeme in ("\\(", "\\[")

    def read_backslash(self, lexeme: str) -> None:
        """Reads a command, an environment, LaTeX's white space or an escaped sign."""
        sign = lexeme[1:2]
        if sign in _SPACES or lexeme.startswith(("\\quad", "\\qquad")):
            self.read_space(lexeme)
        elif sign and sign in "()[]":
            self.read_dollar(lexeme)
        elif sign in _LETTERS:
            self.read_command(lexeme)
        else:
            self.read_escaped(sign)

    def read_escaped(self, sign: str) -> None:
        """Reads `\\{` and the like; a backslash at the end of the text escapes nothing."""
        if not sign:
            self.add("char", "\\")
            return
        self.command_frame = ""
        if sign in "{}":
            self.depth = self.depth + 1 if sign == "{" else max(0, self.depth - 1)
            self.add("set" if sign == "{" else "tes", sign)
        elif sign not in "$.-/":
            self.add("char", sign)

    def read_command(self, lexeme: str) -> None:
        """Reads a command that is in no table of tokens."""
        self.command_frame = ""
        name = lexeme[1:]
        over = _OVER_NAME.match(lexeme) if name[0] in "ovb" else None
        if over is not None:
            # An arrow over two points has a direction; a bar over a letter is a conjugate, a complement or a mean.
            letters = over[1].replace(" ", "")
            self.spaced = True
            self.add("angle", "→" if len(letters) == 2 else "‾")
            self.add("run" if len(letters) == 2 else "sym", letters)
            self.spaced = True
        elif name[-1] == "}":
            self.add(name[: name.index("{")].rstrip(), name[name.index("{") + 1 : -1].rstrip("*"))
        elif name in CONTENT_COMMANDS:
            self.command_frame = "T" if name in TEXT_COMMANDS else "D"
        elif name in HIDDEN_COMMANDS:
            self.command_frame = "H"
        elif name not in _IGNORED:
            self.add("word", lexeme)

    def read_degree(self, lexeme: str) -> None:
        """Reads a rare spelling of `^\\circ`; the others are in the table, and so is a lone `^`."""
        self.command_frame = ""
        self.add("deg", "°")

    def read_opening_brace(self, lexeme: str) -> None:
        """Reads a brace that opens a group or the content of a command; an empty group means nothing."""
        if len(lexeme) > 1:
            self.command_frame = ""
        elif self.command_frame:
            self.frames.append(self.command_frame)
            self.text_depth += self.command_frame == "T"
            self.hidden += self.command_frame == "H"
            self.command_frame = ""
        else:
            self.frames.append("{")
            self.depth += 1
            self.add_known(_BRACES["{"])

    def read_closing_brace(self, lexeme: str) -> None:
        """Reads a brace that closes a group or the content of a command."""
        frame = self.frames.pop() if self.frames else "{"
        if frame == "{":
            self.depth = max(0, self.depth - 1)
            self.add_known(_BRACES["}"])
        else:
            self.text_depth -= frame == "T"
            self.hidden -= frame == "H"

    def read_opening(self, lexeme: str) -> None:
        """Reads `(` or `[`."""
        self.depth += 1
        self.add_known(_BRACKETS[lexeme])

    def read_closing(self, lexeme: str) -> None:
        """Reads `)` or `]`."""
        self.depth = max(0, self.depth - 1)
        self.add_known(_BRACKETS[lexeme])

    def read_other(self, lexeme: str) -> None:
        """Reads what begins with no ASCII character of the table: Chinese, foreign digits and spaces, signs."""
        if lexeme[0].isspace():
            self.read_space(lexeme)
        elif lexeme[0].isdecimal():
            self.read_number(lexeme)
        elif "\u4e00" <= lexeme[0] <= "\u9fff":
            self.command_frame = ""
            self.add("word", lexeme)
        else:
            self.add("char", lexeme)


_READERS: dict[str, Callable[[_Lexer, str], None]] = {
    **dict.fromkeys(string.digits + ".", _Lexer.read_number),
    **dict.fromkeys(_LETTERS, _Lexer.read_letters),
    **dict.fromkeys(string.whitespace + "~", _Lexer.read_space),
    "^": _Lexer.read_degree,
    **dict.fromkeys("([", _Lexer.read_opening),
    **dict.fromkeys(")]", _Lexer.read_closing),
    "$": _Lexer.read_dollar,
    "\\": _Lexer.read_backslash,
    "{": _Lexer.read_opening_brace,
    "}": _Lexer.read_closing_brace,
}
"""The method that reads a lexeme, by its first character, for those that are not in `FIXED`."""


def tokenize(text: str) -> list[Token]:
    """Returns the tokens of `text`, which has gone through `unicode.to_plain`.

    Raises `UnreadableAnswer` if there are more than `MAX_TOKENS`.
    """
    if "\\!" in text or "{,}" in text:
        text = _THIN_COMMA.sub(",", text)
    lexer = _Lexer("\\" in text and "$" not in text)
    tokens = lexer.tokens
    for lexeme in LEXEME.findall(text):
        pair = FIXED.get(lexeme)
        if pair is not None:
            if lexer.command_frame and lexeme not in _SIGN_LEXEMES:
                lexer.command_frame = ""
            # `lexer.add_known`, inlined: most tokens take this branch.
            if not lexer.hidden:
                tokens.append(pair[lexer.spaced])
            lexer.spaced = False
        elif lexeme == " ":
            lexer.spaced = True
        else:
            _READERS.get(lexeme[0], _Lexer.read_other)(lexer, lexeme)
    if len(tokens) > MAX_TOKENS:
        raise UnreadableAnswer
    return tokens
