"""Replaces look-alike characters by the one spelling that the lexer knows.

Answers arrive full-width, in mathematical bold, with `½`, `x²`, `①` or typographic minus signs. Characters are replaced
one by one, so the order and the number of the things written cannot change.
"""

from __future__ import annotations

import re
import unicodedata

from mmk12.verifier.recurring import expand_recurring

_SPELLINGS = {
    **dict.fromkeys("−‐‑‒–—―－﹣", "-"),
    **dict.fromkeys("×✕✖", "*"),
    **dict.fromkeys("·⋅∙•", "*"),
    **dict.fromkeys("º˚∘", "°"),
    **dict.fromkeys("⩾≧", "≥"),
    **dict.fromkeys("⩽≦", "≤"),
    **dict.fromkeys("‘’′ʹ", "'"),
    **dict.fromkeys("“”″", '"'),
    **dict.fromkeys("。．", "."),
    **dict.fromkeys("、", ","),
    "⟂": "⊥",
    "㎡": " m^2",
    "㎠": " cm^2",
    "㎥": " m^3",
    "㎤": " cm^3",
    **{sign: sign for sign in "℃℉"},
    "±": "\\pm ",
    "∓": "\\mp ",
    "ℝ": "\\mathbb{R}",
    "÷": "/",
    "∕": "/",
    "⁄": "/",
    "∶": ":",
    "∖": "\\setminus ",
    "△": "\\triangle ",
    "∛": "\\sqrt[3]",
    "∜": "\\sqrt[4]",
    "\u2028": "\n",
    "\u2029": "\n",
}


def _spell(char: str) -> str:
    """Returns the spelling of `char` in the lexer's alphabet; nothing for invisible characters and combining marks."""
    if char in _SPELLINGS:
        return _SPELLINGS[char]
    if unicodedata.category(char) in ("Cf", "Mn"):
        return ""
    decomposition = unicodedata.decomposition(char)
    if not decomposition:
        return char
    form, _, rest = decomposition.partition(" ")
    if form in ("<super>", "<sub>", "<fraction>"):
        inner = "".join(_spell(chr(int(code, 16))) for code in rest.split())
        if form == "<fraction>":
            over, _, under = inner.partition("/")
            return f"\\frac{{{over}}}{{{under}}}"
        return f"{'^' if form == '<super>' else '_'}{{{inner}}}"
    if form == "<circle>":
        return f"({unicodedata.normalize('NFKC', char)})"
    return "".join(_SPELLINGS.get(c, c) for c in unicodedata.normalize("NFKC", char))


MAX_CACHED = 20_000
"""Characters whose spelling is cached."""


class _SpellingTable(dict[int, str]):
    """Spellings by code point, filled on demand up to a size that no hostile text can exceed."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        spelling = _spell(char)
        if len(self) < MAX_CACHED:
            self[code] = spelling
        return spelling


_TABLE = _SpellingTable()

_ESCAPED = re.compile(
    r"\\\\(?<!\\\\\\)(?=(?:boxed|[dt]?frac|sqrt|left|right|text|mathrm|pi|circ|angle|times|cdot|infty|begin|end|pm|leq?|geq?|neq?|cup|degree|overline|vec|ln|log|lg|exp|sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|alpha|beta|gamma|theta|lambda|mu|sigma|omega|phi|varphi|Delta|mathbb|quad|leqslant|geqslant|binom|hat|dot)\b)"
)
"""A doubled backslash before a command."""
_SIZES = re.compile(r"\\[lL]arge(?![A-Za-z])")
"""Commands for the size of what follows."""
_TIMES = re.compile(r"(?<=\d)\s?x(?=\s?10\^)")
"""`3.2 x 10^5`"""


_MAY_RECUR = re.compile("\\\\(?:overline|dot|bar|[lc]?dots)|\\.\\.\\.|…|\\.\\d*\\(|,\\(|[\u0304\u0305\u0307]")
"""What may mark the period of a recurring decimal."""
_WRITTEN_OTHERWISE = re.compile(
    r"\dh\s?\d|时\s?\d|circled|align|gather|split|cases|array|\^\s*\{\s*\\(?:text|mathrm)|_\{\(|cosec|\\\\\s*\Z"
)
_REWRITTEN = (
    (re.compile(r"\\textcircled\s*\{\s*(?:\\small\s*)?(\d{1,2})\s*\}"), r"(\1)"),
    (
        re.compile(r"&(?=[^\\]{0,200}(?:\\(?!end)[^\\]{0,200}){0,20}\\end\s*\{(?:aligned|align\*?|gathered|split)\})"),
        "",
    ),
    (re.compile(r"\\(begin|end)\s*\{(?:aligned|align\*?|gathered|split)\}"), r"\\\1{cases}"),
    (re.compile(r"\s*[.,;，。；]\s*(?=\\\\|\\end\b)"), ""),
    (re.compile(r"\\text\s*\{\s*,?\s*(?:if|when|for|where|当|若)\s*\}|(?<=&)\s*(?:if|when|for)\b"), " "),
    (re.compile(r"\^\s*\{\s*\\(?:text|mathrm)\s*\{\s*(st|nd|rd|th)\s*\}\s*\}"), r"\1"),
    (re.compile(r"_\{\((\d{1,3})\)\}"), r"_{\1}"),
    (re.compile(r"(?<=\d)h\s?(?=\d{1,2}\s?(?:m|min|mins|minutes)\b)"), " h "),
    (re.compile(r"(?<=时)\s?(\d{1,2})\s?分(?!钟)"), r"\1分钟"),
    (re.compile(r"\\?cosec\b"), r"\\csc"),
    (re.compile(r"\\\\\s*\Z"), ""),
)
"""Other spellings of what the language has: circled numbers, aligned systems, ordinals, bases, a secant's old name."""


_EATEN = re.compile(
    "\x0c(?=rac|orall|lat|box)|\x08(?=inom|ar|oxed|eta|egin|ig|ullet|mod|ot)|\x07(?=lpha|ngle|pprox|rc|st|bs)|\x0b(?=ec|ar|ee)"
    "|\t(?=imes|heta|ext(?:bf|it|rm)?\\s?\\{|frac|riangle|an\\b|anh\\b|au\\b|ilde)|\r(?=ight|ho\\b|floor|ceil|angle|brace)"
    "|\n(?=abla|otin|eq\\b|eq[0-9])"
)
"""A control character that JSON made of a backslash and the first letter of a command: form feed and `rac`."""
_LETTERS = {"\x0c": "f", "\x08": "b", "\x07": "a", "\x0b": "v", "\t": "t", "\r": "r", "\n": "n"}
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def restore_escapes(text: str) -> str:
    """Returns `text` with the commands whose backslash JSON took for an escape: form feed and `rac` are `\\frac`."""
    return _EATEN.sub(lambda eaten: f"\\{_LETTERS[eaten[0]]}", text)


def find_control(text: str) -> str | None:
    """Returns the first control character in `text` that is no white space, as Python writes it."""
    found = _CONTROL.search(text)
    return repr(found[0]).strip("'") if found else None


def unescape(text: str) -> str:
    """Returns `text` with one backslash before commands that have two (`\\\\frac`), as JSON inside JSON leaves them."""
    text = text.replace("\\displaystyle", " ")
    if "arge" in text:
        text = _SIZES.sub(" ", text)
    return _ESCAPED.sub(r"\\", text) if "\\\\" in text else text


def to_plain(text: str) -> str:
    """Returns `text` with each look-alike replaced; superscripts become `^{…}`, `½` becomes `\\frac{1}{2}`."""
    if not text.isprintable():
        text = restore_escapes(text)
    if "\\" in text:
        text = unescape(text)
    if ("." in text or "(" in text or not text.isascii()) and _MAY_RECUR.search(text):
        text = expand_recurring(text)
    if _WRITTEN_OTHERWISE.search(text):
        for pattern, plain in _REWRITTEN:
            text = pattern.sub(plain, text)
    if "\\\\" in text and "\\begin" not in text:
        text = text.replace("\\\\", " ; ")
    if not text.isascii():
        text = text.translate(_TABLE).replace("}^{", "").replace("}_{", "")
    return _TIMES.sub("*", text) if "x10^" in text or "x 10^" in text else text
