"""Numerals: exact values, and mixed numbers such as `1 1/2`."""

from __future__ import annotations

from fractions import Fraction

from mmk12.verifier.cursor import Cursor
from mmk12.verifier.lexer import Unreadable
from mmk12.verifier.values import Num

MAX_DIGITS = 1200
MAX_EXPONENT = 3000


WHOLE = {str(value): Num(Fraction(value)) for value in range(1000)}
"""Most numerals that occur."""


def number(text: str) -> Num:
    """The exact value of a numeral; raises `Unreadable` for one too large to hold."""
    known = WHOLE.get(text)
    if known is not None:
        return known
    digits = text.replace(",", "")
    mantissa, _, exponent = digits.replace("E", "e").partition("e")
    if len(mantissa) > MAX_DIGITS or len(exponent) > 12 or (exponent and abs(int(exponent)) > MAX_EXPONENT):
        raise Unreadable
    whole, _, decimals = mantissa.partition(".")
    value = Fraction(int(whole + decimals), 10 ** len(decimals)) if decimals else Fraction(int(whole))
    return Num(value * Fraction(10) ** int(exponent) if exponent else value)


def mixed(cursor: Cursor) -> Fraction | None:
    """The proper fraction of a mixed number such as `1 1/2` or `2\\frac{1}{3}`, if one comes next."""
    if cursor.now.kind not in ("num", "frac"):
        return None
    texts = [cursor.ahead(i).text if cursor.ahead(i).kind == "num" else cursor.ahead(i).kind for i in range(7)]
    if cursor.now.kind == "num" and cursor.now.spaced and cursor.ahead(1).text == "/":
        over, under, length = texts[0], texts[2], 3
    elif texts[0] == "frac" and texts[1] == "{" and texts[3:5] == ["}", "{"] and texts[6] == "}":
        over, under, length = texts[2], texts[5], 7
    elif texts[0] == "frac" and texts[1].isdigit() and len(texts[1]) == 2:
        over, under, length = texts[1][0], texts[1][1], 2
    else:
        return None
    if not (over.isdigit() and under.isdigit() and len(under) < 9 and len(over) < 9 and 0 < int(over) < int(under)):
        return None
    for _ in range(length):
        cursor.step()
    return Fraction(int(over), int(under))
