"""The answer inside a sentence: `Therefore, the value is 8.`, `There are 5 objects left.`

One answer or none: where a sentence holds several candidates and no word points at one, nothing is taken.
"""

from __future__ import annotations

import re

_NUMBER = r"[-−+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_NUMBERS = re.compile(rf"(?<![\w.*/^_\\+]){_NUMBER}(?:\s*/\s*\d+)?(?!\w*\d)(?:\s*(?:%|°|\\%))?(?!\s*[;#&|`]|[*/^_(])")
_PROGRAM = re.compile(
    r"__|\b[a-z_]\w*\([)'\"]|\blambda\b|\bimport \w|\bdef \w|\b(?:exec|eval|print)\(|\bif\b.{1,60}\belse\b|"
    r"\b(?:DROP|SELECT|UNION|INSERT|DELETE)\b|&&|\|\||\b[a-z]\w+\.[a-z]\w*\(|/etc/|/bin/|\brm -|<script|#!"
)

_FORMULA = re.compile(r"\$\$?([^$]+)\$\$?|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_POINTER = re.compile(
    r"(?:\b(?:is|are|was|were|equals|equal to|be|it's|fill in|total of|exactly)\b|=|≈|:(?!\d)|：|为|是)\s*(?=\S)",
    re.IGNORECASE,
)
_THEREFORE = re.compile(
    r"(?:\b(?:therefore|thus|hence|so|consequently|fill in)\b|∴|答案)[,:，：]?\s*(?:it is\b:?\s*)?",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?<![\\A-Za-z])[^\W\d_]{2,}|[\u4e00-\u9fff]")
_LABEL = re.compile(r"\W{0,3}[A-Za-z]{2,}(?: [A-Za-z]+){0,5}\s*[:=：]\s*([^:=：]+)")
_BOLD = re.compile(r"(?<![\w)])\*\*([^*\n]{1,200})\*\*(?![\w(])")
_SENTENCE = re.compile(r"(?<=[.。!?])\s+(?=\S)|\n+")
_NOT = re.compile(r"\b(?:not|isn't|cannot|never|no)\W+(?:\w+\W+)?$", re.IGNORECASE)
_IS_NOT = re.compile(
    r"\W*(?:is|are|was|were|can)?\s*(?:not\b|n't\b|wrong\b|incorrect\b|false\b|impossible\b)", re.IGNORECASE
)
_COUNTED = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_COUNTS = _COUNTED.split()
_COUNT = re.compile(rf"\b(?:is|are|be|equals|total of|exactly)\s+({'|'.join(_COUNTS)})\b", re.IGNORECASE)
_NEGATION = re.compile(r"\b(?:not|no|never|n't)\b", re.IGNORECASE)
_TAIL = 1200
_FORMULA_TAIL = 4000


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE.split(text[-_TAIL:]) if part.strip()]


def is_program(text: str) -> bool:
    """Whether this is code. No number in it is an answer."""
    return bool(_PROGRAM.search(text[-_TAIL:]))


def unbold(text: str) -> str:
    """`text` without Markdown's bold marks."""
    return _BOLD.sub(r"\1", text) if "**" in text else text


def labelled(text: str) -> str | None:
    """What stands behind a label: `Area = 12 cm²`, `Total: 6`."""
    match = _LABEL.fullmatch(text.strip())
    if match is None or _NEGATION.search(text[: match.start(1)]):
        return None
    return match.group(1).strip()


def formula(text: str) -> str | None:
    """The last formula in dollar signs or LaTeX brackets."""
    text = text[-_FORMULA_TAIL:]
    last = None
    for match in _FORMULA.finditer(text):
        last = match
    if last is None:
        return None
    before = text[: last.start()]
    if _NOT.search(before[-30:]) or not (_WORD.search(before) or _WORD.search(text[last.end() :])):
        return None
    return next(group for group in last.groups() if group is not None).strip()


def quantity(text: str) -> str | None:
    """The number that the text ends on: the one behind the last pointing word, or the only one there is."""
    text = unbold(text[-_TAIL:])
    if text.strip(" .").lower() in _COUNTS:
        return str(_COUNTS.index(text.strip(" .").lower()))
    if len(_WORD.findall(text)) < 2:
        return None
    for sentence in reversed(_sentences(text)):
        found = list(_NUMBERS.finditer(sentence))
        if not found:
            continue
        kept = [match for match in found if not _denied(sentence, match)]
        if len(kept) == len(found) and len({match.group() for match in found}) == 1:
            return found[-1].group()
        return _pointed(sentence, kept)
    counts = {match.group(1).lower() for match in _COUNT.finditer(text)}
    return str(_COUNTS.index(counts.pop())) if len(counts) == 1 else None


def _denied(sentence: str, number: re.Match[str]) -> bool:
    """`not 5`, `5 is wrong`"""
    before = sentence[max(0, number.start() - 30) : number.start()]
    return bool(_NOT.search(before) or _IS_NOT.match(sentence, number.end()))


def _pointed(sentence: str, numbers: list[re.Match[str]]) -> str | None:
    """The last number that stands right behind a pointing word, but for a sign of currency or a short word."""
    starts = [match.end() for match in _POINTER.finditer(sentence)]
    for match in reversed(numbers):
        while starts and starts[-1] > match.start():
            starts.pop()
        if not starts:
            return None
        between = sentence[starts[-1] : match.start()]
        if len(between) < 20 and len(between.split()) <= 1 and not _NUMBERS.search(between):
            return match.group()
    return None


def concluded(text: str) -> str | None:
    """What follows the last "therefore", "so" or the like; None without one."""
    end = -1
    for match in _THEREFORE.finditer(text):
        end = match.end()
    return text[end:].strip().rstrip(".") or None if end >= 0 else None


def stated(text: str) -> str | None:
    """What the last sentence states: the words after its last pointing word, unless they are denied."""
    sentence = (_sentences(text) or [""])[-1]
    end = -1
    for match in _POINTER.finditer(sentence):
        end = match.end()
    if end < 0 or _NEGATION.search(sentence[max(0, end - 40) : end]):
        return None
    return sentence[end:].strip().rstrip(".") or None
