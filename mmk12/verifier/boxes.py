r"""Finds boxes, `\boxed{…}` and `\fbox{…}`, with the label before each and the boxes joined to the last."""

from __future__ import annotations

import re
from collections import deque
from itertools import islice

from mmk12.verifier.nodes import frozen

MAX_BOXES = 64
MAX_BRACES = 10_000
MAX_LABEL = 60
"""Characters before a box in which its label is looked for."""
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_BRACES = re.compile(r"\\[\\{}]|[{}]")
_SHALLOW = re.compile(r"[^{}\\]*(?:(?:\\.|\{[^{}\\]*(?:\\.[^{}\\]*)*\})[^{}\\]*)*\}", re.DOTALL)
"""The rest of a group with no group inside a group in it: most boxes, in one step."""
_JOINER = re.compile(r"(?:[\s,;$.&~、]|\(\d\)|\\[,;! ()\[\]]|\\quad|\\qquad|\\text|\\(?=[()])|[{}]|and|or|和|或|与)*")
_NUMBER = re.compile(r"\(\d\)")
"""`(2)` between boxes: they are parts, which `join_labelled` joins in their order."""
_MATH = r"[\s$]*(?:\\[(\[]\s*)?(?:\\displaystyle\s*)?"
_NAMED = re.compile(
    rf"(?:^|[^A-Za-z\\])([A-Za-z]{{1,3}}(?:_\{{?\w{{1,5}}\}}?)?|\\(?:alpha|beta|theta|lambda|mu))\s*=\s*{_MATH}$"
)
"""A name before a box: `x_1 = \\boxed{2}`."""
_PART = re.compile(
    r"(?:^|[\s*(（【,;，；])(?:\(([1-9a-h])\)|（([1-9])）|([1-9a-h])\)|([①②③④⑤⑥⑦⑧⑨])"
    r"|(?:part|blank|question|answer|problem|sub-?question)\s*\(?([1-9a-h])\)?"
    r"|(first|second|third|fourth|fifth)\s+(?:blank|part|answer|question)"
    r"|第([一二三四五1-9])(?:空|问|题|小题))",
    re.IGNORECASE,
)
"""The number of a part before its box: `(1)`, `b)`, `Part 2`, `First blank`, `第一空`."""
_VERB = re.compile(rf"(?:\b(?:is|are|be|equals)\b|[:：=为是])[\s*]*{_MATH}$")
_ORDER = "abcdefgh", "①②③④⑤⑥⑦⑧⑨", ("first", "second", "third", "fourth", "fifth"), "一二三四五"


@frozen
class Box:
    """One outermost box: where it stands, what is in it."""

    start: int
    end: int
    content: str


@frozen
class Labelled:
    """A box with what introduces it: a `name` (`x_1`), the number of a `part`, or only a verb (both empty)."""

    content: str
    name: str = ""
    part: int = 0


def find_boxes(text: str) -> list[Box]:
    """Returns the outermost boxes; an unclosed one reaches to the end of its line."""
    boxes: list[Box] = []
    written = text.count("box")
    if not written:
        return boxes
    first = 0
    if written > MAX_BOXES:
        # Only the last boxes count, so a hostile text is read from the first of these.
        first = min(len(text.rsplit(command, MAX_BOXES)[0]) for command in ("\\boxed", "\\fbox"))
    opening = _BOX.search(text, first)
    while opening:
        closing = _closing_brace(text, opening.end())
        if closing < 0:
            end = text.find("\n", opening.end())
            end = len(text) if end < 0 else end
            boxes.append(Box(opening.start(), end, text[opening.end() : end]))
            break
        boxes.append(Box(opening.start(), closing + 1, text[opening.end() : closing]))
        # Mostly this was the only one: then the rest of the response is not searched.
        opening = _BOX.search(text, closing) if len(boxes) < written else None
    return boxes


def _closing_brace(text: str, start: int) -> int:
    """Returns the index of the brace that closes a group opened before `start`; -1 without one."""
    shallow = _SHALLOW.match(text, start, start + MAX_BRACES)
    if shallow:
        return shallow.end() - 1
    level = 1
    for match in islice(_BRACES.finditer(text, start), MAX_BRACES):
        brace = match[0]
        if brace == "{":
            level += 1
        elif brace == "}":
            level -= 1
            if not level:
                return match.start()
    return -1


def find_boxed(text: str) -> str | None:
    """Returns the content of the last box of `text`, with the boxes joined to it; None without one."""
    boxes = find_boxes(text)
    return join_boxes(text, boxes) if boxes else None


def find_last_boxed(text: str) -> str | None:
    r"""Returns the content of the last `\boxed{…}` that is closed, of nested ones the innermost; None without one.

    For solutions that a dataset prints: boxes are not joined, and `\\boxed` is a line break and no box.
    """
    for opening in reversed(deque(_BOX.finditer(text), MAX_BOXES)):
        before = text[max(0, opening.start() - 40) : opening.start()]
        escaped = (len(before) - len(before.rstrip("\\"))) % 2 == 1
        closing = -1 if escaped else _closing_brace(text, opening.end())
        if closing >= 0:
            return text[opening.end() : closing].strip()
    return None


def join_boxes(text: str, boxes: list[Box]) -> str:
    """Returns the last box, with those before it that only a comma, `and` or `or` separates from it."""
    parts = [boxes[-1].content.strip()]
    if len(boxes) == 1:
        return parts[0]
    for box, following in zip(boxes[-2::-1], boxes[:0:-1], strict=False):
        gap = text[box.end : following.start]
        if len(gap) > 40 or not _JOINER.fullmatch(gap) or len(parts) >= MAX_BOXES or _NUMBER.search(gap):
            break
        parts.append(("or " if "or" in gap or "或" in gap else "") + box.content.strip())
    if len(set(parts)) == 1:
        return parts[0]
    # "a or b" keeps its "or": the gold decides whether that is a hedge.
    alternative = any(part.startswith("or ") for part in parts[1:])
    return (" or " if alternative else ", ").join(part.removeprefix("or ") for part in reversed(parts))


def label_boxes(text: str, boxes: list[Box]) -> tuple[Labelled, ...]:
    """Returns the last boxes that something introduces, each in its own words, in the order of the text."""
    found: list[Labelled] = []
    for index in range(len(boxes) - 1, -1, -1):
        box = boxes[index]
        behind = boxes[index - 1].end if index else 0
        before = text[max(behind, box.start - 400) : box.start]
        name, verb = _NAMED.search(before[-MAX_LABEL:]), _VERB.search(before[-MAX_LABEL:])
        part = deque(_PART.finditer(before), 1)
        if not (name or verb or part):
            break
        number = number_of(next(filter(None, part[0].groups()))) if part else 0
        found.append(Labelled(box.content.strip(), name[1] if name else "", number))
    return tuple(reversed(found))


def number_of(label: str) -> int:
    """Returns the number that a part's label stands for: 2 for `2`, `b`, `②`, `second`, `二`."""
    if label.isdecimal():
        return int(label)
    return next((order.index(label.lower()) + 1 for order in _ORDER if label.lower() in order), 0)


def join_labelled(boxes: tuple[Labelled, ...], count: int) -> str | None:
    """Returns the last `count` boxes as one answer; None if there are not so many or their numbers do not count up."""
    last = boxes[-count:]
    if len(last) < count:
        return None
    if any(box.part for box in last):
        counts_up = [box.part for box in last] == list(range(1, count + 1))
        return " ".join(f"({box.part}) {box.content}" for box in last) if counts_up else None
    if all(box.name for box in last):
        return ", ".join(f"{box.name}={box.content}" for box in last)
    return "; ".join(box.content for box in last)
