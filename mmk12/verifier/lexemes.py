"""The spellings of tokens: where one ends, and what each known spelling is, in tables made once.

The first character of a lexeme tells its class, so that the pattern needs no groups and most lexemes are tokens
by one look into `FIXED`.
"""

from __future__ import annotations

import re
import string

from mmk12.verifier.frozen import frozen
from mmk12.verifier.units import CURRENCIES, UNITS
from mmk12.verifier.words import FUNCTIONS, GREEK, GREEK_LETTERS, OPERATORS, PLAIN_WORDS, RELATIONS, WORDS


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


def letters(run: str) -> list[tuple[str, str]]:
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


def forms(kind: str, text: str) -> Forms:
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
            (known[run],) = letters(run)
    return known


FIXED = {lexeme: forms(*found) for lexeme, found in _fixed().items()}
"""The tokens of the lexemes that mean the same everywhere."""

SIGNS = frozenset(_SIGNS)
BRACKETS = {bracket: forms("open" if bracket in "([" else "close", bracket) for bracket in "([])"}
BRACES = {brace: forms(brace, brace) for brace in "{}"}
SYMBOLS = {letter: forms("sym", letter) for letter in string.ascii_letters}
