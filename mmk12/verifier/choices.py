"""Multiple choice: finds the one option that an answer names, by its letter or by its value.

Two letters or a negated letter name none: a hedge is not an answer. If a letter stands beside the text of another
option, the letter counts, as on an answer sheet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from mmk12.verifier.answer_parser import parse, parse_text
from mmk12.verifier.compare import Comparison
from mmk12.verifier.nodes import Text, Value
from mmk12.verifier.sentences import final_statement
from mmk12.verifier.unicode import to_plain

_DRESSING = re.compile(r"\\(?:text|textbf|mathrm|mathbf|boxed|textrm|rm|mbox|displaystyle)\b|[${}*`~]|\\[()\[\],;! ]")
_ALONE = re.compile(r"[(\[]?([A-Z])[)\]]?[.:,]?$|\(([a-h])\)\.?$")
_MARKED = re.compile(r"(?:\(([A-Za-h])\)|\[([A-Z])\]|([A-Z])\s*[.:)])(?=[\s\w(.:\-]|$)\s*(.*)", re.DOTALL)
_GLOSSED = re.compile(r"([A-Z])\s*\((.*)\)\.?$", re.DOTALL)
_CALLED = re.compile(
    r"(?:(?i:option|choice|answer|statement)\s+|(?:故|应|所以)?选项?\s*)\(?([A-Z])\)?(?![A-Za-z])(.*)", re.DOTALL
)
_LEADING = re.compile(r"([A-Z])(?:[,，](?=\s*[a-z])|\s+(?=(?:is|because|since|as)\b))(.*)", re.DOTALL)
_MORE = re.compile(r"\s*(?:,|/|&|、|\bor\b|\band\b|或|和)\s*(?:option\s+)?[(\[]?[A-Z](?:[)\]]|\b(?!\w))")
_LETTERS = re.compile(r"(?:[\s(\[]*[A-Z][).\]:,;]*){2,}\s*")
_BRACKETED = re.compile(r"\(([A-Z])\)")
_OPTION = re.compile(r"(?:\b(?:[Oo]ption|[Cc]hoice)\s+|选项?\s*)([A-Z])(?![A-Za-z])")
_WRONG = re.compile(r"\b(?:wrong|incorrect|not|false)\b", re.IGNORECASE)
_REASONED = re.compile(r"\s*,?\s*(?:because|since)\b")
_AFFIRMED = re.compile(r"\(?\b([A-Z])\)?\s+is\s+(?:the\s+)?(?:correct|right)\b(?!\s+or\b)")
_REFUSED = re.compile(r"\s*(?:is|are|seems|looks)\b.{0,20}\b(?:wrong|incorrect|not|false|impossible)\b", re.IGNORECASE)
_HEDGED = re.compile(r"\b(?:or|maybe|possibly|perhaps|but|could|might)\b[^.]{0,40}(?<![A-Za-z'])[A-H](?![A-Za-z'])")


def _strip_decoration(text: str) -> str:
    return " ".join(_DRESSING.sub(" ", to_plain(text)).split()).strip()


def read_letter(text: str) -> str | None:
    """Returns the letter that `text` answers with: `B`, `(B)`, `B. 5 cm`, `B (yes)`, `option B`."""
    shown = final_statement(_strip_decoration(text[:2000]))
    alone = _ALONE.match(shown)
    if alone:
        return (alone.group(1) or alone.group(2)).upper()
    for pattern in (_MARKED, _GLOSSED, _CALLED, _LEADING):
        match = pattern.match(shown)
        if not match:
            continue
        *names, rest = match.groups()
        name: str = next(group for group in names if group)
        if pattern is _LEADING and _REASONED.match(rest):
            # Other letters inside a reason are no hedge.
            return name.upper()
        if _MORE.match(rest) or _LETTERS.fullmatch(rest) or set(_BRACKETED.findall(rest)) - {name}:
            return None
        if _REFUSED.match(rest) or _HEDGED.search(rest):
            return None
        if pattern is _LEADING and (_MORE.match(shown[1:]) or _WRONG.search(rest)):
            return None
        return name.upper()
    return None


def find_only_letter(response: str) -> str | None:
    """Returns the only letter that the response calls correct, or that stands in brackets or after "option"."""
    affirmed = set(_AFFIRMED.findall(response))
    if affirmed:
        return affirmed.pop() if len(affirmed) == 1 else None
    letters = set(_BRACKETED.findall(response)) | set(_OPTION.findall(response))
    return letters.pop() if len(letters) == 1 else None


def read_options(choices: Sequence[str], answer: str, value: Value, comparison: Comparison) -> list[int]:
    """Returns the indices of the options that equal `answer`, as words or by its parsed `value`."""
    first: dict[str, int] = {}
    for index, choice in enumerate(choices):
        # An option that repeats an earlier one is the same option.
        first.setdefault(choice, index)
    distinct = first.items()
    if isinstance(value, Text):
        # Words equal nothing but words.
        words = parse_text(answer).words
        return [index for choice, index in distinct if parse_text(choice).words == words]
    bare = answer.strip("$ .")
    printed = [index for choice, index in distinct if choice.strip("$ .") == bare]
    return printed or [index for choice, index in distinct if comparison.rule(parse(choice), value) is not None]


def find_only_mentioned(choices: Sequence[str], response: str) -> int | None:
    """Returns the only option whose text occurs in the response as whole words; `Yes, …` counts as its first word."""
    words = parse_text(response[-4000:]).words
    joined = f" {' '.join(words)} "
    # A bare number may occur by chance, so only options with other text count as mentioned.
    worded = [i for i, choice in enumerate(choices) if not choice.strip("$ ").replace(".", "").isdecimal()]
    mentioned = [i for i in worded if f" {' '.join(parse_text(choices[i]).words)} " in joined]
    if len(mentioned) == 1:
        return mentioned[0]
    leading = [i for i in mentioned if words[: len(parse_text(choices[i]).words)] == parse_text(choices[i]).words]
    return leading[0] if len(leading) == 1 and response[:40].find(",") > 0 else None
