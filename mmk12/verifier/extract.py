r"""Extracts the answer of a response by fixed rules: one answer, and never a search for the gold.

In order: the last `<answer>` after the last `</think>`; the value under an answer key of JSON; the last `\boxed`, with
the boxes that only a comma, "and" or the like separates from it; what follows the last label ("the answer is",
`【答案】`); the line behind `####`; a bare first line; a short response as a whole; the last sentence of a long one.
Text inside `<think>` is not an answer. A response that goes on with another problem ends at its first final statement.
Also checks the format that the prompt asks for, `<think>…</think><answer>…</answer>`.
"""

from __future__ import annotations

import re
from dataclasses import replace

from mmk12.verifier.boxes import Labelled, find_boxes, join_boxes, label_boxes
from mmk12.verifier.json_answers import find_json_answer, read_scrap
from mmk12.verifier.labels import FINAL, MAX_TAIL, Statement, find_final, find_stated
from mmk12.verifier.marks import clean
from mmk12.verifier.nodes import frozen
from mmk12.verifier.sentences import SHORT, find_claim
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
        "no answer provided",
        "not provided",
    )
)
_DIGIT = re.compile(r"[0-9]")
_DRESSING = re.compile(r"\\(?:boxed|text|mathrm|textbf|mathbf)\b|[${}*`\s]+|\\[()\[\],;! ]")
_TEXT_MACRO = re.compile(r"\\(?:text|textbf|textrm|mathrm|mathbf|mbox)\s*\{([^{}]*)\}")
_HASHES = re.compile(r"(?:^|\n)[ \t]*####[ \t]*(\S[^\n]{0,200})\s*$")
"""`#### 42`, the end of a solution of GSM8K."""
_FIRST_LINE = re.compile(
    r"\s*\**(\(?[A-J]\)?|[-−+]?\d[\d,./]*%?|[Yy]es|[Nn]o|[Tt]rue|[Ff]alse)[.:]?\**[ \t]*\n[ \t]*\n(?=\s*\S)"
)
_NEW_PROBLEM = re.compile(
    r"\n[ \t]*(?:\**#*[ \t]*(?:new |next |another )?"
    r"(?:problem|question|exercise|task|example|user|human|input|instruction|q)\b"
    r"[ \t]*\d{0,4}[ \t]*[:.：)\n]|<\|?(?:user|human)|(?:\*\*|【)?(?:题目|问题|例题)[】:：\d])",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"\n[^\n]{0,600}?\b(?:what|how many|how much|how long|which|find|determine|compute)\b[^\n?]{0,300}\?", re.IGNORECASE
)
_CONCLUDES = re.compile(r"(?:final answer is|\bthe answer is\s*[:：])", re.IGNORECASE)
_CORRECTS = re.compile(
    r"\b(?:wait|actually|correction|mistake|error|recheck|re-check|double[- ]check|however|sorry|oops|hold on|instead|"
    r"incorrect|wrong|reconsider|re-evaluate)\b|不对|更正|重新",
    re.IGNORECASE,
)
_PART = re.compile(r"(?:\([1-9a-h]\)|\b(?:part|blank)\s*\(?[1-9a-h]\)?|[①-⑨])[^\n.]{0,60}$", re.IGNORECASE)
_BLOCK_TAG = re.compile(r"</?(?:p|div|br|li|h[1-6])\s*/?>", re.IGNORECASE)
_INLINE_TAG = re.compile(r"<(b|i|u|em|strong|code|span|mark)>(.{0,300}?)</\1>", re.IGNORECASE | re.DOTALL)
_PICTURE = re.compile("[\u2600-\u27bf\u2b50\u2b55\ufe0f\U0001f000-\U0001faff]")
_COPULA = re.compile(r"\s*(?:です|である|だ|となります?|になります?|입니다|이다|이에요|예요)[。.]?$")
"""The "is" at the end of a Japanese or Korean statement."""
_LISTED = re.compile(r"[-*•>+]\s+(?=\*\*)")


MAX_QUESTION = 300
"""Characters at the start of a response in which it may repeat its question."""


MAX_UNDRESSED = 4000
"""A longer text is no bare answer, so its dress does not matter."""
MIN_RUN_ON = 25
"""Characters that another problem or final statement needs."""


@frozen
class Extraction:
    """The answer as written, the rule that extracted it, and what else a grader may need.

    `boxes` are the labelled boxes at the end, for a gold of several blanks. `doubt` says why the text states no answer;
    then it may still name an option.
    """

    text: str
    rule: str
    boxes: tuple[Labelled, ...] = ()
    doubt: str = ""
    left_out: str = ""
    """What was cut off before the answer was looked for, in words."""
    open: bool = False
    """Whether nothing ends the answer but the end of the response: where that was cut, the answer may be too."""


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
    text = unescape(clean(text))
    if not text or text.isspace():
        return NoExtraction(
            "the response is empty" if not response.strip() else "only the prompt's example is repeated"
        )
    section = _answer_section(text)
    if isinstance(section, NoExtraction):
        return section
    extraction = _make_extraction(*section)
    if section[1] and isinstance(extraction, Extraction) and "</answer>" not in text[text.rfind("<answer>") :]:
        extraction = replace(extraction, open=True)
    if isinstance(extraction, Extraction) and is_placeholder(extraction.text):
        return NoExtraction("the answer is empty or a placeholder")
    return extraction


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


def _make_extraction(text: str, tagged: bool) -> Extraction | NoExtraction:
    left_out = ""
    if not tagged:
        shorter = _cut_run_on(text)
        text, left_out = shorter, "what follows the first final statement" if len(shorter) < len(text) else ""
    answer = find_json_answer(text)
    boxes = find_boxes(text)
    if answer is not None and not (boxes and boxes[-1].start >= answer[1]):
        return Extraction(_undress(answer[0]), "JSON key", left_out=left_out)
    if boxes:
        after = boxes[-1].end
        # Mostly nothing but a dollar follows: a plain search avoids the slow pattern.
        final = None if tagged or "nal answer" not in text[after:].casefold() else find_final(text, after)
        if final is not None:
            return _state(final, "final answer", left_out)
        content = join_boxes(text, boxes)
        labelled = label_boxes(text, boxes) if len(boxes) > 1 else ()
        unclosed = after == len(text) and text[-1] != "}"
        return Extraction(_strip_label(content), "boxed", labelled, left_out=left_out, open=unclosed)
    if tagged:
        stated = find_stated(text)
        return Extraction(_undress(stated.text if stated else text), "answer tag")
    stated = find_stated(text)
    if stated is not None:
        return _state(stated, "answer is", left_out)
    return _read_unlabelled(text, left_out)


def _state(stated: Statement, rule: str, left_out: str) -> Extraction | NoExtraction:
    if stated.cut:
        return NoExtraction("the response breaks off in its answer")
    return Extraction(_undress(stated.text), rule, left_out=left_out, open=stated.open)


def _read_unlabelled(text: str, left_out: str) -> Extraction:
    """Returns what a response without tag, box or label says: its marked line, its first line, all of it, its end."""
    hashed = _HASHES.search(text[-SHORT:])
    if hashed:
        return Extraction(_undress(hashed[1]), "####", left_out=left_out, open=True)
    first = _FIRST_LINE.match(text[:100]) if len(text) > 100 else _FIRST_LINE.match(text)
    if first:
        return Extraction(first[1], "first line", left_out=left_out)
    text = _undress(read_scrap(text))
    if len(text) <= SHORT:
        return Extraction(text, "whole response", doubt=find_claim(text).doubt, left_out=left_out, open=True)
    claim = find_claim(text)
    shown = claim.text or text[-SHORT:]
    return Extraction(shown, "end of response", doubt=claim.doubt, left_out=left_out, open=True)


def _cut_run_on(text: str) -> str:
    """Returns `text` up to the end of its first final statement, where another problem or final statement follows.

    A statement that corrects the first one, or answers another part, is no repetition.
    """
    start = text.find("nswer is")
    if start < 0 or len(text) - start < MIN_RUN_ON:
        # Mostly nothing follows the answer.
        return text
    if "\n" not in text[start:] and text.find("nswer is", start + 8) < 0:
        return text
    matches = list(_CONCLUDES.finditer(text, max(0, start - len("the final a")), MAX_TAIL))
    if not matches:
        return text
    first = matches[0]
    end = _statement_end(text, first.end())
    problem = _NEW_PROBLEM.search(text, end)
    if problem is None and len(matches) > 1:
        # Where several answers are stated, a line that asks a question begins another problem, the first lines apart.
        problem = _ASKS.search(text, min(end, MAX_QUESTION))
    if problem and not _CORRECTS.search(text, end, max(end, problem.start())):
        return text[: problem.start()]
    final = FINAL.search(text, first.start())
    second = FINAL.search(text, _statement_end(text, final.end())) if final else None
    if final is None or second is None:
        return text
    end = _statement_end(text, final.end())
    between = text[end : second.start()]
    return text if _CORRECTS.search(between) or _PART.search(between[-80:]) else text[:end]


def _statement_end(text: str, start: int) -> int:
    """Returns the end of the line in which the statement behind `start` stands; blank lines and display marks go on."""
    position = start
    while True:
        end = text.find("\n", position)
        if end < 0:
            return len(text)
        if text[position:end].strip(" $\\[]:*"):
            return end
        position = end + 1


def _strip_label(content: str) -> str:
    r"""Returns the content of a box without a label inside it: `12` of `\text{Answer: }12`."""
    bare = content
    if "\\t" in content or "\\m" in content:
        bare = _TEXT_MACRO.sub(lambda macro: macro[1] if find_stated(macro[1] + " 0") else macro[0], content)
    stated = find_stated(bare)
    return stated.text if stated else content


def _undress(text: str) -> str:
    """Returns `text` without marks of HTML, list marks before bold text, and pictures at its ends."""
    shown = text.strip()
    if len(shown) > MAX_UNDRESSED:
        return shown
    if "</" in shown or "<br" in shown:
        shown = _BLOCK_TAG.sub("\n", _INLINE_TAG.sub(r"\2", shown)).strip()
    if "**" in shown:
        shown = _LISTED.sub("", shown, count=1) if _LISTED.match(shown) else shown
    if shown.isascii():
        return shown
    first, last = 0, len(shown)
    while first < last and _PICTURE.match(shown[last - 1]):
        last -= 1
    while first < last and _PICTURE.match(shown[first]):
        first += 1
    return _COPULA.sub("", shown[first:last].strip()) or shown
