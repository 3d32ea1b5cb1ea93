"""Multiple choice: finds the one option that an answer names, by its letter or by its value.

Two letters, a denied letter or a correction name none: a hedge is not an answer. Letters that are denied beside another
(`C, not D`; `D, it cannot be A or B`) do not count, and a list of the options names none. If a letter stands beside the
text of another option, the letter counts, as on an answer sheet.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from mmk12.verifier.answer_parser import parse
from mmk12.verifier.compare import Comparison
from mmk12.verifier.nodes import Text, Value
from mmk12.verifier.sentences import final_statement
from mmk12.verifier.unicode import to_plain
from mmk12.verifier.words import parse_text

_DRESSING = re.compile(r"\\(?:text|textbf|mathrm|mathbf|boxed|textrm|rm|mbox|displaystyle)\b|[${}*`~]|\\[()\[\],;! ]")
_QUOTES = "\"'“”‘’ #;"
_ALONE = re.compile(r"[(\[]?\s*([A-Z])\s*[)\]]?\s*[.:,;#]*$|\(\s*([a-h])\s*\)\.?$|([a-h])\s*\)\.?$")
_MARKED = re.compile(r"(?:\(\s*([A-Za-h])\s*\)|\[([A-Z])\]|([A-Z])\s*[.:)])(?=[\s\w(.:\-\"'“]|$)\s*(.*)", re.DOTALL)
_GLOSSED = re.compile(r"([A-Z])\s*\((.*)\)\.?$", re.DOTALL)
_CALLED = re.compile(
    r"(?:(?i:option|choice|answer|statement|letter)\s*[:：]?\s+|(?:故|应|所以|本题)?选(?:项|择)?\s*)"
    r"\(?([A-Z]|[b-h](?=\)?\W*$))\)?(?![A-Za-z])(.*)",
    re.DOTALL,
)
_LEADING = re.compile(
    r"([A-Z])(?:[,，](?=\s*[a-z])|\s*(?=(?:选?项|不是|是|正确|符合))|\s+(?=(?:is|because|since|as)\b)"
    r"|\s+(?=[$£€]?\d[\d.,]*\d))(.*)",
    re.DOTALL,
)
_MORE = re.compile(r"\s*(?:,|/|&|、|;|\bor\b|\band\b|或|和)\s*(?:option\s+)?[(\[]?[A-Z](?:[)\]]|\b(?!\w))")
_LETTERS = re.compile(r"(?:[\s(\[]*[A-Z][).\]:,;]*){2,}\s*")
_BRACKETED = re.compile(r"\(([A-Z])\)")
_OPTION = re.compile(r"(?:\b(?:[Oo]ption|[Cc]hoice)\s+|选项?\s*)([A-Z])(?![A-Za-z])")
_MENTION = re.compile(rf"{_BRACKETED.pattern}|{_OPTION.pattern}")
_POINTED = re.compile(
    r"(?:\b(?:is|be|choose|chose|pick|picked|select|selected|with|option|choice|answer|letter)\b|[为是选])\s*[:：]?\s*"
    r"(?:(?i:option|choice|the letter|letter|answer|选项)\s*)?"
    r"(?:\(([A-J])\)|([A-J])(?![A-Za-z0-9'’=+*/^_(]|\s*[=+*/^<>]))"
)
"""A letter behind a word that points at it: `I choose C`, `the piece that matches is B`."""
_LISTED = re.compile(r"(?:^|[\s;,；，])\(?([A-J])\s*[.):]\s*(?=\S)")
_PLANS = re.compile(
    r"(?:let(?:'s| us| me)?|we (?:will|should|need|must)|consider|look at|suppose|if|check)\b", re.IGNORECASE
)
_WRONG = re.compile(r"\b(?:wrong|incorrect|not|false)\b", re.IGNORECASE)
_REASONED = re.compile(r"\s*,?\s*(?:because|since)\b")
_AFFIRMED = re.compile(r"(?<![-–—/\w])\(?\b([A-Z])\)?\s+is\s+(?:the\s+)?(?:correct|right)\b(?!\s+or\b)")
_REFUSED = re.compile(
    r"\s*(?:is|are|seems|looks|can|could|does|was)\b.{0,20}\b(?:wrong|incorrect|not|false|impossible|too)\b"
    r"|\s*(?:is|can|does|was)n't\b|\s*cannot\b|\s*(?:是|都)?(?:错|不)",
    re.IGNORECASE,
)
_NO_OPTION = re.compile(
    r"\b(?:is|are)\s*(?:n't|not)\s+(?:an?|one of the|among the|in the|the)\s+(?:\w+\s+)?"
    r"(?:options?|choices?|answers?)\b",
    re.IGNORECASE,
)
"""`(D) 18 is not an option`: the letter is named and refused."""
_DENIED_BEFORE = re.compile(
    r"(?:\b(?:not|cannot|never|neither|nor|except|eliminate[sd]?|exclude[sd]?|excluding|rule[sd]? out|ruling out|reject"
    r"|discard(?:ed)?|dismiss(?:ed)?|str(?:ike|uck) out|cross(?:ed)? out|drop(?:ped)?|ignore[sd]?"
    r"|unlike|rather than|instead of)\b|n't\b|不是|不选|排除|除了)[^.;!?。；]{0,25}$",
    re.IGNORECASE,
)
_NEGATED = re.compile(
    r"\b(?:not|cannot|never|neither|wrong|incorrect|false|impossible|eliminate|exclude|rule out|too)\b|n't\b"
    r"|不|错|排除",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.;!?])\s+|[。；\n]")
_CLAUSE = re.compile(r"[.;,!?。；，]+")
_HEDGED = re.compile(r"\b(?:or|maybe|possibly|perhaps|but|could|might)\b[^.]{0,40}(?<![A-Za-z'])[A-HJ](?![A-Za-z'])")
_CORRECTED = re.compile(
    r"(?:\b(?i:actually|wait|sorry|correction|hold on|oops|scratch that|on second thought|i mean|instead)\b"
    r"|\b[Nn]o[,.:!]|不对|更正)"
    r"[^.!?]{0,60}?(?<![A-Za-z'])[A-J](?![A-Za-z'])"
)
"""A second thought and a letter behind it: `B. Wait, it is C`."""
_NONE_FITS = re.compile(
    r"\b(?:none|neither)\s+of\s+(?:the|these|those)\s+(?:\w+\s+){0,2}(?:options?|choices?|answers?)\b"
    r"|\bno\s+(?:correct|right|valid|matching|suitable)\s+(?:options?|choices?|answers?)\b"
    r"|\b(?:not|n't)\s+(?:\w+\s+){0,4}(?:any|one)\s+of\s+the\s+(?:\w+\s+)?(?:options?|choices?)\b"
    r"|\bnot\s+(?:in|among|listed in)\s+the\s+(?:\w+\s+)?(?:options?|choices?)\b|没有正确(?:答案|选项)|都不(?:正确|对)",
    re.IGNORECASE,
)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORDED = re.compile(r"[A-Za-z]{3,}|[\u4e00-\u9fff]|^no$", re.IGNORECASE)


MAX_MENTIONS = 400
"""Mentions of options that are looked at: a response has a few."""


def _strip_decoration(text: str) -> str:
    return " ".join(_DRESSING.sub(" ", to_plain(text)).split()).strip().strip(_QUOTES)


def read_letter(text: str) -> str | None:
    """Returns the letter that `text` answers with: `B`, `(B)`, `B. 5 cm`, `B (yes)`, `option B`, `I choose B`."""
    shown = final_statement(_strip_decoration(text[:2000]))
    alone = _ALONE.match(shown)
    if alone:
        return (alone[1] or alone[2] or alone[3]).upper()
    if not any("A" <= char <= "Z" for char in shown) and not shown[-3:].strip(" )"):
        return None
    if _lists_options(shown) or _PLANS.match(shown) or _CORRECTED.search(shown, 1):
        return None
    for pattern in (_MARKED, _GLOSSED, _CALLED, _LEADING):
        match = pattern.match(shown)
        if match:
            *names, rest = match.groups()
            name: str = next(group for group in names if group)
            return name.upper() if _stands(pattern, shown, name, rest) else None
    return _read_pointed(shown)


def _stands(pattern: re.Pattern[str], shown: str, name: str, rest: str) -> bool:
    """Whether the letter `name`, with which `shown` opens, is neither hedged nor denied in the `rest`."""
    if pattern is _LEADING and _REASONED.match(rest):
        # Other letters inside a reason are no hedge.
        return True
    if rest.startswith("不是"):
        return True
    if _MORE.match(rest) or _LETTERS.fullmatch(rest) or _REFUSED.match(rest) or _NO_OPTION.search(rest[:80]):
        return False
    # Letters that are denied are no hedge: "D, it cannot be A or B".
    claims = ". ".join(clause for clause in _CLAUSE.split(rest) if not _NEGATED.search(clause))
    if set(_BRACKETED.findall(claims)) - {name} or _HEDGED.search(claims):
        return False
    return pattern is not _LEADING or not (_MORE.match(shown[1:]) or _WRONG.search(_CLAUSE.split(rest.lstrip(" ,"))[0]))


def _lists_options(shown: str) -> bool:
    """Whether the options are listed, or several are given values: `A. 3 B. 4`, `B: 3; C: 4`."""
    if not _LISTED.match(shown):
        return False
    letters = _LISTED.findall(shown)
    return any(ord(after) == ord(before) + 1 for before, after in itertools.pairwise(letters))


def _read_pointed(shown: str) -> str | None:
    """Returns the only letter at which the last sentence that names one points."""
    named: set[str] = set()
    for match in _POINTED.finditer(shown):
        letter = match[1] or match[2]
        if _MORE.match(shown, match.end()) or _HEDGED.match(shown, match.end()):
            return None
        before = shown[max(0, match.start() - 30) : match.start(1 if match[1] else 2)]
        if not (_DENIED_BEFORE.search(before) or _REFUSED.match(shown, match.end())):
            named.add(letter)
    return named.pop() if len(named) == 1 and not _HEDGED.search(shown) else None


def find_only_letter(response: str) -> str | None:
    """Returns the only letter that the response calls correct, or that stands in brackets or after "option".

    Letters that are denied do not count, and where no option fits, none is named.
    """
    if _NONE_FITS.search(response):
        return None
    affirmed = set(_AFFIRMED.findall(response))
    if affirmed:
        return affirmed.pop() if len(affirmed) == 1 else None
    letters: set[str] = set()
    for match in itertools.islice(_MENTION.finditer(response), MAX_MENTIONS):
        before = response[max(0, match.start() - 40) : match.start()]
        if _MORE.match(response, match.end()):
            return None
        refused = _REFUSED.match(response, match.end()) or _NO_OPTION.search(response[match.end() : match.end() + 60])
        if not refused and not _DENIED_BEFORE.search(before):
            letters.add(match[1] or match[2])
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


def find_only_mentioned(choices: Sequence[str], text: str, *, stated: bool = False) -> int | None:
    """Returns the only option whose text occurs as whole words; `Yes, …` counts as its first word.

    In the words of a `stated` answer only an option that has words of its own can occur: a letter or a number there is
    part of another value. Where no option fits, none is mentioned.
    """
    if _NONE_FITS.search(text):
        return None
    words = parse_text(text[-4000:]).words
    joined = f" {' '.join(words)} "
    # A bare number may occur by chance, so only options with other text count as mentioned.
    worded = [i for i, choice in enumerate(choices) if not choice.strip("$ ").replace(".", "").isdecimal()]
    if stated:
        worded = [i for i in worded if _WORDED.search(_COMMAND.sub(" ", choices[i]))]
        opening = [i for i in worded if _opens(text, choices[i])]
        if opening or _NEGATED.search(text):
            return opening[0] if len(opening) == 1 else None
    elif _NEGATED.search(text):
        # What a sentence denies it does not mention.
        kept = " ".join(part for part in _SENTENCE.split(text[-4000:]) if not _NEGATED.search(part))
        joined = f" {' '.join(parse_text(kept).words)} "
    mentioned = [i for i in worded if f" {' '.join(parse_text(choices[i]).words)} " in joined]
    if len(mentioned) == 1:
        return mentioned[0]
    leading = [i for i in mentioned if words[: len(parse_text(choices[i]).words)] == parse_text(choices[i]).words]
    return leading[0] if len(leading) == 1 and text[:40].find(",") > 0 else None


def _opens(text: str, choice: str) -> bool:
    """Whether `text` opens with an option and a mark behind it: `No, there are fewer`."""
    opening = re.match(r"\W*(\w+)\s*[,.:;]", text)
    return opening is not None and opening[1].lower() == choice.strip(" .$").lower()
