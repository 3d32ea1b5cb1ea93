"""Finds the answer inside a sentence, such as `Therefore, the value is 8` or `There are 5 objects left`.

One answer or none: if a sentence holds several candidates and no word points at one, none is returned.
"""

from __future__ import annotations

import re

_NUMBER = r"[-−+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_NUMBERS = re.compile(
    rf"(?<![A-Za-z0-9.*/^_\\+]){_NUMBER}(?:\s*/\s*\d+)?(?!\w*\d)(?:\s*(?:%|°|\\%))?(?!\s*[;#&|`]|[*/^_(])"
)
_PROGRAM = re.compile(
    r"__|\b[a-z_]\w*\([)'\"]|\blambda\b|\bimport \w|\bdef \w|\b(?:exec|eval|print)\(|\bif\b.{1,60}\belse\b|"
    r"\b(?:DROP|SELECT|UNION|INSERT|DELETE)\b|&&|\|\||\b[a-z]\w+\.[a-z]\w*\(|/etc/|/bin/|\brm -|<script|#!"
)
_PROGRAM_STEMS = (
    *("__", "(", "lambda", "import ", "def ", "else", "DROP", "SELECT", "UNION", "INSERT", "DELETE", "&&", "||"),
    *("/etc/", "/bin/", "rm -", "<script", "#!"),
)
"""Each program holds one of these; plain searches save most texts the slow pattern."""

_FORMULA = re.compile(r"\$\$?([^$]+)\$\$?|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_JOINED = re.compile(r"\s*[,;，；、]?\s*(?:and|or|和|或|与|且)?\s*")
_RESULT = re.compile(r"(?:\$\$?|\\\(|\\\[)\s*(?:\\?[A-Za-z]+(?:_\{?\w{1,9}\}?)?\s*(?:=|\\in)|[^=$]*(?:\$|\\\)|\\\]))")
"""A formula that names a value or is one, and no computation such as `3 + 4 = 7`."""
_POINTER = re.compile(
    r"(?:\b(?:is|are|was|were|equals|equal to|be|it's|fill in|total of|exactly)\b|=|≈|:(?!\d)|：|为|是)\s*(?=\S)",
    re.IGNORECASE,
)
_THEREFORE = re.compile(
    r"(?:\b(?:therefore|thus|hence|so|consequently|fill in)\b|∴|答案)[,:，：]?\s*(?:it is\b:?\s*)?",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?<![\\A-Za-z])[^\W\d_]{2,}|[\u4e00-\u9fff]")
_LABEL = re.compile(
    r"(?:\W{0,3}[A-Z]{2,}(?: [A-Z]+){0,5}\s*[:=：]\s*|(?:the\s+)?(?:point|interval|点|区间)\s*(?=[(\[（$]))"
    r"([^:=：]+)",
    re.IGNORECASE,
)
_LABELS = re.compile(r"(?:^|[,;\n]|\band\b)\W{0,3}(?:[A-Za-z]{2,} ){0,3}[A-Za-z]{2,}\s?\$?\s?[:=]\s*")
_BOLD = re.compile(r"(?<![\w)])\*\*([^*\n]{1,200})\*\*(?![\w(])")
_SENTENCE = re.compile(r"(?<=[.。!?])\s+(?=\S)|\n+")
_NOT = re.compile(r"\b(?:not|isn't|cannot|never|no)\W+(?:\w+\W+)?$", re.IGNORECASE)
_IS_NOT = re.compile(
    r"\W*(?:is|are|was|were|can)?\s*(?:not\b|n't\b|wrong\b|incorrect\b|false\b|impossible\b)", re.IGNORECASE
)
_BOUND = re.compile(
    r"(?:\b(?:greater|less|more|fewer|larger|smaller|bigger|higher|lower|longer|shorter|farther)\s+than"
    r"|\bat\s+(?:least|most)|\b(?:over|under|above|below|beyond|exceeds?|exceeding|between|up to)"
    r"|大于|小于|超过|多于|少于|不足|至少|至多|高于|低于)\s*(?:or equal to\s*)?[$\\(]*\s*$",
    re.IGNORECASE,
)
"""Before a number: the number is a bound of the answer and not the answer."""
_OR_BEFORE, _OR_BEHIND = re.compile(r"\bor\s+$"), re.compile(r"\s*\bor\b")
_AND_NOT = re.compile(r"\s*[,;(]\s*(?:and\s+)?not\s[^,;]{1,40}$")
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
    tail = text[-_TAIL:]
    return any(stem in tail for stem in _PROGRAM_STEMS) and bool(_PROGRAM.search(tail))


def strip_bold(text: str) -> str:
    """Returns `text` without Markdown's marks for bold and code."""
    return _BOLD.sub(r"\1", text) if "**" in text else text.strip().strip("`") if "`" in text else text


def final_statement(text: str) -> str:
    """Returns `text` without a negated alternative: `24` of `24, not 42`."""
    match = _AND_NOT.search(text, max(0, len(text) - 50)) if "not " in text else None
    return text[: match.start()] if match else text


def find_labelled(text: str) -> str | None:
    """Returns what follows a label: `Area = 12 cm²`, `Total: 6`."""
    match = _LABEL.fullmatch(text.strip())
    if match is None or _NEGATION.search(text[: match.start(1)]):
        return None
    return match.group(1).strip()


def strip_label(text: str) -> str | None:
    """Returns what follows several labels, or one with dollars in it: `domain: [0, 2) and range: (1, 3]`."""
    match = _LABELS.match(text) if len(text) < _TAIL else None
    return None if match is None else _LABELS.sub(lambda label: "; " if label.start() else "", text)


def find_formula(text: str) -> str | None:
    """Returns the last formula in dollar signs or LaTeX brackets, with those that commas, `and` or `or` join to it."""
    text = text[-_FORMULA_TAIL:]
    formulas = list(_FORMULA.finditer(text))
    if not formulas:
        return None
    *others, last = formulas
    first = last
    if _RESULT.match(text, last.start()):
        while others and _RESULT.match(text, others[-1].start()) and _joins(text[others[-1].end() : first.start()]):
            first = others.pop()
    before = text[max(0, first.start() - 30) : first.start()]
    worded = _WORD.search(text, 0, first.start()) or _WORD.search(text, last.end())
    if not worded or _NOT.search(before) or _BOUND.search(before) or _IS_NOT.match(text, last.end()):
        return None
    if first is not last:
        return text[first.start() : last.end()]
    return next(group for group in last.groups() if group is not None).strip()


def _joins(gap: str) -> bool:
    return len(gap) < 12 and bool(_JOINED.fullmatch(gap))


def find_quantity(text: str) -> str | None:
    """Returns the number that the text ends on: the one after the last pointing word, or the only one."""
    text = strip_bold(text[-_TAIL:])
    if text.strip(" .").lower() in _COUNTS:
        return str(_COUNTS.index(text.strip(" .").lower()))
    if len(_WORD.findall(text)) < 2:
        return None
    for sentence in reversed(_sentences(text)):
        numbers = list(_NUMBERS.finditer(sentence))
        if not numbers:
            continue
        kept = [number for number in numbers if not _is_denied(sentence, number)]
        if len(kept) == len(numbers) and len({number.group() for number in numbers}) == 1:
            return numbers[-1].group()
        return _find_pointed(sentence, kept)
    counts = {match.group(1).lower() for match in _COUNT.finditer(text)}
    return str(_COUNTS.index(counts.pop())) if len(counts) == 1 else None


def _is_denied(sentence: str, number: re.Match[str]) -> bool:
    """Whether the sentence does not claim the number: `not 5`, `more than 5`, `5 is wrong`, `5 or`."""
    before = sentence[max(0, number.start() - 30) : number.start()]
    if _OR_BEFORE.search(before) or _OR_BEHIND.match(sentence, number.end()):
        return True
    return bool(_NOT.search(before) or _BOUND.search(before) or _IS_NOT.match(sentence, number.end()))


def _find_pointed(sentence: str, numbers: list[re.Match[str]]) -> str | None:
    """Returns the last number right after a pointing word; a currency sign or a short word may stand between."""
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


def find_conclusion(text: str) -> str | None:
    """Returns what follows the last "therefore", "so" or the like; None without one."""
    end = -1
    for match in _THEREFORE.finditer(text):
        end = match.end()
    return text[end:].strip().rstrip(".") or None if end >= 0 else None


def find_statement(text: str) -> str | None:
    """Returns what the last sentence states: the words after its last pointing word, unless they are negated."""
    sentence = (_sentences(text) or [""])[-1]
    end = -1
    for match in _POINTER.finditer(sentence):
        end = match.end()
    if end < 0 or _NEGATION.search(sentence[max(0, end - 40) : end]):
        return None
    return sentence[end:].strip().rstrip(".") or None
