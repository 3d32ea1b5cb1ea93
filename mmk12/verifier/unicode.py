"""Look-alike characters to the one spelling that the lexer knows.

Answers arrive full-width, in mathematical bold, with `½`, `x²`, `①` or typographic minus signs. Everything here
is character by character, so it cannot change the order or the number of the things written.
"""

from __future__ import annotations

import re
import unicodedata

_EXACT = {
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
    if char in _EXACT:
        return _EXACT[char]
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
    return "".join(_EXACT.get(c, c) for c in unicodedata.normalize("NFKC", char))


MAX_KEPT = 20_000


class _Table(dict[int, str]):
    """Filled on demand, up to a size that no hostile text can exceed."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        spelt = _spell(char)
        if len(self) < MAX_KEPT:
            self[code] = spelt
        return spelt


_TABLE = _Table()


_ESCAPED = re.compile(
    r"\\\\(?<!\\\\\\)(?=(?:boxed|[dt]?frac|sqrt|left|right|text|mathrm|pi|circ|angle|times|cdot|infty|begin|end|pm|leq?|geq?|neq?|cup|degree|overline|vec)\b)"
)


_REPEATING = re.compile(r"(\d{0,20})\.(\d{0,20})\\(?:overline|dot|bar)\s*\{(\d{1,20})\}")


def _as_fraction(match: re.Match[str]) -> str:
    """`0.1\\overline{6}` as a fraction of integers."""
    whole, fixed, period = match.groups()
    over = int((whole or "0") + fixed + period) - int((whole or "0") + fixed)
    return f"\\frac{{{over}}}{{{(10 ** len(period) - 1) * 10 ** len(fixed)}}}"


def unescape(text: str) -> str:
    """`text` with doubly escaped commands (`\\\\frac`) written once, as JSON inside JSON leaves them."""
    text = text.replace("\\displaystyle", " ")
    return _ESCAPED.sub(r"\\", text) if "\\\\" in text else text


_TIMES = re.compile(r"(?<=\d)\s?x(?=\s?10\^)")
"""`3.2 x 10^5`"""


def to_plain(text: str) -> str:
    """`text` with each look-alike character replaced; superscripts become `^{…}`, `½` becomes `\\frac{1}{2}`."""
    if "\\" in text:
        text = unescape(text)
        if "\\overline" in text or "\\dot" in text or "\\bar" in text:
            text = _REPEATING.sub(_as_fraction, text)
    if not text.isascii():
        text = text.translate(_TABLE).replace("}^{", "").replace("}_{", "")
    return _TIMES.sub("*", text) if "x10^" in text or "x 10^" in text else text
