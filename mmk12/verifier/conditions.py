r"""Removes what an answer says about its letters: `x = k\pi (k \in Z)`, `a_n = 2n - 1, n \in N^*`, `… for all n`.

A gold may print such a condition and an answer leave it out, so membership in the integers, naturals or reals is no
part of an answer; the letter of a family gets one name. A range in brackets behind a formula, `y = 6/x (x > 0)`, is a
part of the answer, and becomes a second item: `y = 6/x, x > 0`.
"""

from __future__ import annotations

import re

_GAP = r"(?:\s|\\(?:quad|qquad|[ ,;:!])|~|\$){0,8}"
_SET = (
    r"(?:\\math(?:bb|bf|rm|cal)\s?)?\{?\s?(?:\\mathrm\s?)?([ZNRQ])\s?\}?"
    r"(?:\s?[_^]\s?\{?\s?(?:\*|\+|\\ast)\s?\}?|[*+]){0,3}"
)
_OPENED = r"(?:\\text\s?\{\s?(?:where|with|for(?: all| any| every| some)?|其中)\s?\}|\\forall|其中)?"
_MEMBERSHIP = re.compile(
    rf"{_GAP}[,，;；(（]?{_GAP}{_OPENED}{_GAP}([A-Za-z])\s?(?:\\in(?![A-Za-z])|∈)\s?{_SET}{_GAP}[)）]?"
    rf"(?=\s?(?:\\?\}}\s?)?[.$\s]{{0,8}}\Z|\s?\\?\}})"
)
_QUANTIFIED = re.compile(
    rf",?{_GAP}(?:\\text\s?\{{\s?)?,?\s?\b(?:for|where|with)\s(?:all|any|every|each|some)\b[^=]{{0,80}}\Z",
    re.IGNORECASE,
)
_LESS = r"(?:<|>|≤|≥|\\[lg](?:t|e|eq|eqslant)(?![A-Za-z]))"
_RANGE = re.compile(rf"{_GAP}[(（]\s?([^()（）]{{1,80}}?{_LESS}[^()（）]{{1,80}})[)）](\s?\$*\s?\.?\s?)\Z")
_SIGNS = ("\\in", "∈", " all ", " any ", " every ", " some ", " each ", " arbitrary ")


def remove_conditions(text: str) -> str:
    """Returns `text` without conditions on its letters; a range behind an equation becomes an item of its own."""
    if any(sign in text for sign in _SIGNS):
        text = _QUANTIFIED.sub("", text)
        found = _MEMBERSHIP.search(text)
        before = text[: found.start()].rstrip(" $") if found is not None else ""
        if found is not None and before and not before.endswith(("|", "\\mid", "\\vert", ":", "{")):
            before, behind = text[: found.start()], text[found.end() :]
            text = (_rename(before, found[1]) if found[2] in "ZN" else before) + behind
            text += "$" * (text.count("$") % 2)
    if "=" in text and text.rstrip(" .$").endswith((")", "）")):
        text = _RANGE.sub(r", \1\2", text)
    return text


def have_other_domains(one: str, other: str) -> bool:
    """Returns whether both texts say what their letter ranges over, and it is not the same: `k ∈ Z` and `k ∈ N`.

    With and without zero is the same, as books differ in what N holds; the positive integers are written in many ways.
    """
    domains = {_find_domain(one), _find_domain(other)}
    return None not in domains and len(domains) == 2


def _find_domain(text: str) -> str | None:
    found = _MEMBERSHIP.search(text) if "\\in" in text or "∈" in text else None
    if found is None:
        return None
    marks = found[0][found.end(2) - found.start() :]
    if found[2] == "Z" and ("+" in marks or "*" in marks or "ast" in marks):
        return "N" if "+" in marks else None  # Z* is written for the positive integers and for those that are not zero.
    return found[2]


def _rename(text: str, letter: str) -> str:
    """Returns `text` with the letter of a family called `k`, unless another thing has that name."""
    own = re.compile(rf"(?<![A-Za-z\\_]){letter}(?![A-Za-z])")
    if letter == "k" or re.search(r"(?<![A-Za-z\\])k(?![A-Za-z])", text) or re.search(rf"_\{{?{letter}", text):
        return text
    return own.sub("k", text)
