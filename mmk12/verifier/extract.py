r"""Extracts the answer of a response by fixed rules: one answer, and never a search for the gold.

In order: the last `<answer>` after the last `</think>`; the last `\boxed`, with the boxes that only a comma, "and" or
the like separates from it; the last "answer is"; a short response as a whole; the end of a long one. Text inside
`<think>` is not an answer. Also checks the format that the prompt asks for, `<think>…</think><answer>…</answer>`.
"""

from __future__ import annotations

import re
from collections import deque
from itertools import islice

from mmk12.verifier.nodes import frozen
from mmk12.verifier.unicode import unescape

TAGS = ("<think>", "</think>", "<answer>", "</answer>")
_TAG = re.compile(r"(</?(?:think|answer)>)")


def check_format(response: str) -> bool:
    """Whether each tag stands once, in order, with nothing outside and neither section empty.

    The format reward of the paper (section 2.3). The released Zero reward also demands 300 characters of
    thinking, which the paper does not mention and which is not asked for here.
    """
    pieces = _TAG.split(response) if TAGS[3] in response else []
    if tuple(pieces[1::2]) != TAGS:
        return False
    before, thought, between, answer, after = map(str.strip, pieces[::2])
    return bool(thought and answer) and not (before or between or after)


_COPIED = "<think> Since $1+1=2$, so the answer is $2$. </think><answer> $2$ </answer>"
_STOPS = ("<|im_start|>", "<|im_end|>", "<|endoftext|>", "</s>")
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{")
_BRACES = re.compile(r"\\[\\{}]|[{}]")
_SHALLOW = re.compile(r"[^{}\\]*(?:(?:\\.|\{[^{}\\]*(?:\\.[^{}\\]*)*\})[^{}\\]*)*\}", re.DOTALL)
"""The rest of a group with no group inside a group in it: most boxes, in one step."""
_JOINER = re.compile(r"(?:[\s,;$.&~、]|\(\d\)|\\[,;! ()\[\]]|\\quad|\\qquad|\\text|\\(?=[()])|[{}]|and|or|和|或|与)*")
_ANCHOR = re.compile(
    r"(?=(?-i:[#AaCcFfOo答回故应所]))(?:(?:answer|answers|答案|final value|final result|correct option|option letter|"
    r"correct choice|回答)(?:\s*\*\*)?\s*"
    r"(?:would be|should be|must be|will be|is therefore|is|are|:|：|=|为|是)(?:\s*(?:\*\*|:|：|therefore))*|"
    r"(?:故|应|所以)选\s*[:：]?|#+\s*(?:final\s+)?answer\s*\n)",
    re.IGNORECASE,
)
_STEMS = ("answer", "nal value", "nal result", "on letter", "ct opt", "ct cho", "答案", "回答", "选")
"""Each anchor holds one of these, at most `LEAD` characters behind its start."""
LEAD = 12
_OPTION = re.compile(r"\s*\([A-Z]\)")
_FINAL = re.compile(r"final answer is(?:\s*:)?", re.IGNORECASE)
_SENTENCE_END = re.compile(
    r"[.。!?]\s*\*{0,2}(?=\s+[A-Z\u4e00-\u9fff*#(]|\s*$)|\n\s*\n|\n(?=\s*(?:\*\*|#|Explanation))"
)
_PLACEHOLDERS = frozenset(
    (
        "",
        "...",
        "…",
        "?",
        "none",
        "n/a",
        "na",
        "nan",
        "null",
        "answer",
        "your answer",
        "final answer",
        "the answer",
        "answer here",
        "final answer here",
        "your answer here",
        "your final answer",
        "reasoning process here",
        "unknown",
        "i do not know",
        "i don't know",
    )
)
_DIGIT = re.compile(r"[0-9]")
_DRESSING = re.compile(r"\\(?:boxed|text|mathrm|textbf|mathbf)\b|[${}*`\s]+|\\[()\[\],;! ]")

SHORT = 300
MAX_BOXES = 64
MAX_BRACES = 10_000
MAX_TAIL = 20_000
"""Characters from the end in which "answer is" is looked for: more than 4096 tokens make."""


@frozen
class Extraction:
    """The answer as written, and the rule that extracted it."""

    text: str
    rule: str


@frozen
class NoExtraction:
    """Why there is no answer; `conflict` if there are several that differ."""

    reason: str
    conflict: bool = False


def is_placeholder(text: str) -> bool:
    """Whether this is empty, a refusal, or the prompt's own example."""
    # No placeholder holds a digit.
    return len(text) < 80 and not _DIGIT.search(text) and _DRESSING.sub(" ", text).strip(" .").lower() in _PLACEHOLDERS


def extract_answer(response: str) -> Extraction | NoExtraction:
    """Returns the answer of `response`, or why there is none. Linear in the length of the response."""
    text = response.replace(_COPIED, "") if _COPIED in response else response
    text = unescape(text)
    if not text or text.isspace():
        return NoExtraction(
            "the response is empty" if not response.strip() else "only the prompt's example is repeated"
        )
    if "</s>" in text or "<|" in text:
        text = _cut_at_stop(text)
    section = _answer_section(text)
    if isinstance(section, NoExtraction):
        return section
    extraction = _make_extraction(*section)
    if is_placeholder(extraction.text):
        return NoExtraction("the answer is empty or a placeholder")
    return extraction


def _cut_at_stop(text: str) -> str:
    """Returns `text` up to the tokens by which a model ends its turn."""
    for stop in _STOPS:
        cut = text.find(stop)
        if cut > 0:
            text = text[:cut]
    return text


def _answer_section(text: str) -> tuple[str, bool] | NoExtraction:
    """Returns the part of the response that may hold the answer, and whether it is an `<answer>` section."""
    closing = text.rfind("</think>")
    body = text[closing + 8 :] if closing >= 0 else text
    if "<answer>" in body:
        answers = {part.partition("</answer>")[0].strip() for part in body.split("<answer>")[1:]} - {""}
        if len(answers) > 1:
            return NoExtraction("several <answer> sections that differ", conflict=True)
        return (answers.pop(), True) if answers else NoExtraction("the <answer> section is empty")
    if closing < 0 and text.lstrip().startswith("<think>"):
        return NoExtraction("the thinking never ends")
    if not body or body.isspace():
        return NoExtraction("nothing follows the thinking")
    return body, False


def _make_extraction(text: str, tagged: bool) -> Extraction:
    boxes = _find_boxes(text)
    if boxes:
        after = boxes[-1][1]
        # Mostly nothing but a dollar follows: a plain search avoids the slow pattern.
        final = None if tagged or "nal answer" not in text[after:].casefold() else _last_match(_FINAL, text, after)
        if final is not None:
            return Extraction(final, "final answer")
        content = _join_boxes(text, boxes)
        return Extraction(_find_stated(content) or content, "boxed")
    if tagged:
        return Extraction(_find_stated(text) or text, "answer tag")
    anchored = _find_stated(text)
    if anchored is not None:
        return Extraction(anchored, "answer is")
    text = text.strip()
    return Extraction(text, "whole response" if len(text) <= SHORT else "end of response")


def _find_boxes(text: str) -> list[tuple[int, int, str]]:
    """Returns (start, end, content) of the outermost boxes; an unclosed one reaches to the end of its line."""
    boxes: list[tuple[int, int, str]] = []
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
            boxes.append((opening.start(), end, text[opening.end() : end]))
            break
        boxes.append((opening.start(), closing + 1, text[opening.end() : closing]))
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
    boxes = _find_boxes(text)
    return _join_boxes(text, boxes) if boxes else None


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


def _join_boxes(text: str, boxes: list[tuple[int, int, str]]) -> str:
    """Returns the last box, with those before it that only a comma, `and` or `or` separates from it."""
    parts = [boxes[-1][2].strip()]
    if len(boxes) == 1:
        return parts[0]
    for (_, end, content), (start, _, _) in zip(boxes[-2::-1], boxes[:0:-1], strict=False):
        gap = text[end:start]
        if len(gap) > 40 or not _JOINER.fullmatch(gap) or len(parts) >= MAX_BOXES:
            break
        parts.append(("or " if "or" in gap or "或" in gap else "") + content.strip())
    if len(set(parts)) == 1:
        return parts[0]
    # "a or b" keeps its "or": the gold decides whether that is a hedge.
    alternative = any(part.startswith("or ") for part in parts[1:])
    return (" or " if alternative else ", ").join(part.removeprefix("or ") for part in reversed(parts))


def _find_stated(text: str) -> str | None:
    """Returns what follows the last "the answer is" or the like; plain searches save most texts the slow pattern."""
    folded = text.casefold()
    if "e" not in folded and folded.isascii():
        # True of most formulas: each anchor has an `e` or is Chinese.
        return None
    starts = [start for start in map(folded.find, _STEMS) if start >= 0]
    if not starts:
        return None
    # Where folding changes lengths, as of "ß", an index into one text is none into the other.
    return _last_match(_ANCHOR, text, min(starts) - LEAD if len(folded) == len(text) else 0)


def _last_match(anchor: re.Pattern[str], text: str, start: int) -> str | None:
    """Returns what follows the last anchor, to the end of its sentence; None if that is nothing."""
    end = -1
    for match in anchor.finditer(text, max(0, start, len(text) - MAX_TAIL)):
        # "the answer is (B) the choice is …": the words of an option are no anchor.
        if end < 0 or not _OPTION.match(text, end) or "\n" in text[end : match.start()]:
            end = match.end()
    if end < 0:
        return None
    rest = text[end:].lstrip(" \t\n:*")[:1000]
    stop = _SENTENCE_END.search(rest)
    rest = rest[: stop.start()] if stop else rest
    return rest.strip().rstrip("*").rstrip() or None
