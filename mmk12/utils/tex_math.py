"""Turns TeX formulas into trees of MathML, within bounds; what cannot be turned stays TeX.

A tree is a string, or a list `[tag, attributes, *children]`. It can be sent to a page as JSON, where a script builds
elements from it, or be written as HTML (`mmk12.utils.rich_text`). In both ways no text is ever parsed as markup.

MathML is made by `latex2mathml`. Browsers draw its core (https://www.w3.org/TR/mathml-core/), so what the core lacks is
rewritten here, and a formula that would be drawn wrong (a command that is not known, a fraction without a denominator)
is not drawn at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element

from latex2mathml import exceptions
from latex2mathml.converter import convert_to_element

Tree = str | list[Any]
"""A text, or `[tag, attributes, *children]` with children that are trees."""

MAX_LENGTH = 2_000
"""Characters of the longest formula that is drawn; the longest of K12 has about 300."""
MAX_DEPTH = 40
"""How deep braces, `\\left` and environments may be nested together."""
_MAX_TREE_DEPTH = 120

_CHILDREN = {"mfrac": 2, "mover": 2, "mroot": 2, "msub": 2, "msubsup": 3, "msup": 2, "munder": 2, "munderover": 3}
"""Elements with a fixed number of children; with another number a browser draws the children in a row."""
_ELEMENTS = {*_CHILDREN, "math", "mi", "mn", "mo", "mpadded", "mphantom", "mrow", "mspace", "msqrt", "mstyle"} | {
    *("mtable", "mtd", "mtext", "mtr", "menclose"),
}
_ATTRIBUTES = re.compile(
    r"(?:accent|accentunder|displaystyle|fence|largeop|movablelimits|separator|stretchy|symmetric):(?:true|false)"
    r"|form:(?:prefix|infix|postfix)|mathvariant:normal|scriptlevel:[0-3]"
    r"|(?:width|lspace|rspace|linethickness|maxsize|minsize):(?:0|-?0?\.[0-9]{1,4}em|[0-9](?:\.[0-9]{1,4})?(?:em|ex|pt))"
)
"""Attributes with the values that are kept: none can name an address, a style, or a size that covers the page."""
_REWRITTEN = (
    (re.compile(r"\\number(?=\{)"), ""),
    (re.compile(r"\\unit(?=\{)"), r"\\mathrm"),
    (re.compile(r"\\quantity\{([^{}]*)\}(?=\{)"), r"{\1}\\,\\mathrm"),
    (re.compile(r"\\(?:overarc|wideparen)(?=\{)"), r"\\overset{\\frown}"),
)
"""Commands of K12 and its like that the converter does not know."""
_NOTATIONS = {
    "box": "boxed",
    "updiagonalstrike": "struck",
    "downdiagonalstrike": "struck",
    "horizontalstrike": "struck",
}
_OPENED = re.compile(r"\\[{}]|[{}]|\\(?:left|right|begin|end)(?![a-zA-Z])")

_FAILURES: tuple[type[Exception], ...] = (
    *(one for one in vars(exceptions).values() if isinstance(one, type) and issubclass(one, Exception)),
    *(ArithmeticError, AttributeError, LookupError, RecursionError, StopIteration, TypeError, ValueError),
)
"""What the converter raises for TeX that it cannot read: its own errors, and those that it lets through."""


@lru_cache(maxsize=50_000)
def draw_formula(tex: str, display: bool = False) -> Tree | None:
    """Returns a formula, without its delimiters, as a tree of MathML; None if it cannot be drawn faithfully.

    The tree is shared between calls: do not change it.
    """
    if not tex.strip() or len(tex) > MAX_LENGTH or _measure_depth(tex) > MAX_DEPTH:
        return None
    known = tex
    for command, meaning in _REWRITTEN:
        known = command.sub(meaning, known)
    try:
        element = convert_to_element(known, display="block" if display else "inline")
        children = [_to_tree(child, 0) for child in element]
    except _FAILURES:
        return None
    return ["math", {"display": "block"} if display else {}, *children]


def _measure_depth(tex: str) -> int:
    depth = deepest = 0
    for match in _OPENED.finditer(tex):
        if match[0] in ("{", "\\left", "\\begin"):
            depth += 1
            deepest = max(deepest, depth)
        elif match[0] in ("}", "\\right", "\\end"):
            depth -= 1
    return deepest


def _to_tree(element: Element, depth: int) -> list[Any]:
    """Returns an element of the converter as a tree. Raises `ValueError` if a browser would not draw it as meant."""
    text, tag = element.text or "", element.tag
    if depth > _MAX_TREE_DEPTH or tag not in _ELEMENTS or len(element) != _CHILDREN.get(tag, len(element)):
        raise ValueError(f"{tag} cannot be drawn")
    if tag != "mtext" and text.startswith("\\") and len(text) > 1:
        raise ValueError(f"{text} is not known")
    children = [_to_tree(child, depth + 1) for child in element]
    own = [_unescape(text)] if text else []
    if tag == "menclose":
        kinds = [_NOTATIONS[name] for name in element.get("notation", "").split()]
        return ["mrow", {"class": " ".join(dict.fromkeys(kinds))}, *own, *children]
    attributes = _keep_attributes(element.attrib)
    if tag == "mrow" and not attributes and not own and len(children) == 1:  # a row of one: half of what a page holds
        return children[0]
    return [tag, attributes, *own, *children]


def _keep_attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in attributes.items() if _ATTRIBUTES.fullmatch(f"{name}:{value}")}
    if attributes.get("columnalign") in ("left", "right"):  # not in the core: page.css has these classes
        kept["class"] = attributes["columnalign"]
    return kept


def _unescape(text: str) -> str:
    """Returns a text of the converter, which writes symbols as `&#x0007B;`."""
    return re.sub(r"&#x([0-9A-Fa-f]{2,6});", lambda match: chr(int(match[1], 16)), text)
