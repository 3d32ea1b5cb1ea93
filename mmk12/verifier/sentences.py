"""Finds the answer inside a sentence, such as `Therefore, the value is 8` or `There are 5 objects left`.

One answer or none: if a sentence holds several candidates and no word points at one, none is returned. Of several
sentences only the last counts, of that one only the main clause, and only what it does not deny.
"""

from __future__ import annotations

import re
from functools import lru_cache

from mmk12.verifier.labels import is_cut
from mmk12.verifier.nodes import frozen

_NUMBER = r"[-−+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_NUMBERS = re.compile(
    rf"(?<![A-Za-z0-9.*/^_\\+:]){_NUMBER}(?:\s*/\s*\d+|:\d\d\b(?:\s*[ap]\.?m\b)?)?(?!\w*\d)"
    r"(?:\s*(?:%|°|\\%))?(?!\s*[;#&|`]|[*/^_(])"
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
    r"(?:\b(?:is|are|was|were|equals|equal to|be|it's|fill in|total of|exactly)\b"
    r"|\bha(?:s|ve)\b(?=\s+no\s)|=|≈|:(?!\d)|：|为|是)\s*(?=\S)",
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
_SENTENCE = re.compile(r"(?<=[.!?])\*{0,2}\s+(?=\S)|(?<=[。！？])(?=\S)|\n+")
_DISPLAY = re.compile(r"\s*(\\\[.*?\\\]|\$\$.*?\$\$)[ \t]*", re.DOTALL)
_INTENDS = re.compile(
    r"\W*(?:(?:now|next|first|then|finally|so|okay|ok)\b,?\s+)*(?:let's|let us|let me|we(?:'ll| will| need| want| must"
    r"| should| have to| can (?:now )?(?:use|try|proceed|find|start|apply|solve))|i(?:'ll| will| need| have to| must)"
    r"|to (?:find|solve|determine|calculate|compute|proceed|answer|evaluate|see|prove)\b(?!.{0,80},.{0,80}(?:is|=))"
    r"|(?:next|now|first),? we (?!get|have|see|obtain|find that|know that)\w+"
    r"|assume|suppose|consider|recall|note that|notice|given|we (?:know|are given)|the (?:problem|question) (?:is|asks)"
    r"|solving the above (?:equation|system)s? will)\b",
    re.IGNORECASE,
)
"""A sentence that says what comes next, and concludes nothing."""
_CONCLUDING = re.compile(
    r"\b(?:therefore|thus|hence|so|consequently|accordingly|finally|altogether|overall"
    r"|in (?:total|conclusion|summary|short|this case)"
    r"|we (?:get|find|obtain|conclude|have|see)|gives?|yields?|leaves?|this means|it follows|answer|result)\b"
    r"|=>|⇒|∴|所以|因此|故|综上|于是|从而|可得|得到|解得|即|答|итак|следовательно|also|daher|folglich|donc|entonces|"
    r"por lo tanto|したがって|よって|따라서",
    re.IGNORECASE,
)
_CLOSER = re.compile(
    r"\W*(?:let me know|i hope|hope (?:this|it)|feel free|please (?:let|feel|note)"
    r"|if you (?:have|need)|do you (?:need|have|want)|would you like|is there anything|thank you|good luck"
    r"|happy to help|i endeavor|q\.?e\.?d|we are done|done\b|note:)",
    re.IGNORECASE,
)
"""A sentence that follows the answer and says nothing about it."""
_FINISHED = re.compile(r"(?:[.。!！?？:;；)\]}$*`'\"”’°%∎□√]|\\[)\]]|[\u2600-\u27bf\U0001f000-\U0001faff\ufe0f])\s*$")
_SUBORDINATE = re.compile(
    r"(?:\b(?:because|since|given that|provided that|when(?:ever)?|if|unless|although|while|whereas|due to"
    r"|for which|where|in which)\b"
    r"|\bas (?=(?:the|there|we|it|each|all|both|∠|angle|\\angle|\$|\\\()[^,]{0,80}"
    r"(?:\bis\b|\bare\b|\bhas\b|\bhave\b|=))|因为|由于|此时|其中|(?<=[，,])当)",
    re.IGNORECASE,
)
_SUBORDINATORS = (
    *("because", "since", " that ", "when", "if ", "unless", "although", "while", "whereas", "due to", "as "),
    *("which", "where", "因为", "由于", "此时", "其中", "当"),
)
"""Each of these clauses holds one: plain searches save most sentences the slow pattern."""
_AS_WORD = re.compile(r"(?:written|expressed|known|same|well|such|given|simplified|represented|defined|as|answer)\s*$")
_RELATIVE = ("when", "where", "for which", "in which")
_OPENING = re.compile(r"\W*(?:(?:therefore|thus|hence|so|then|now|and|but|finally)\b\W*)*", re.IGNORECASE)
_CLAUSE = re.compile(r",\s+(?:then\s+)?|，\s*(?:所以|故|则)?|\bthen\s+|所以")
_CANDIDATE = re.compile(
    r"\d|[$√π]|\\[(\[a-z]|\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten)\b", re.IGNORECASE
)
_DENIED = re.compile(
    r"\b(?:not|cannot|never|neither|nor|none|nothing|incorrect|wrong|false|impossible|unlikely|except"
    r"|other than|anything but|everything but|far from|instead of|rather than)\b"
    r"|n't\b|\\(?:not|ne|neq)\b|≠|不(?:是|等|可能|正确|对|成立|符合|能|为)|错误|并非|除了",
    re.IGNORECASE,
)
"""Words by which a sentence does not claim what it names. "24, not 42" is read before."""
_OPERATION_BEFORE = re.compile(
    r"(?:\b(?:root|square|cube|half|halves|third|thirds|quarters?|fourth|fifths?|sixths?|eighths?|tenths?|multiples?"
    r"|factors?|divisors?|negative|opposite|inverse|reciprocal|complement|supplement|log(?:arithm)?|sine?|cos(?:ine)?"
    r"|tan(?:gent)?|factorial|power|percent|percentage|fraction|%)\s+of|\b(?:half|twice|double|triple|thrice|times|minus"
    r"|plus|negative|sin|cos|tan|log|ln|over|by))\s*(?:an?\s+|the\s+)?[$\\(]*\s*$",
    re.IGNORECASE,
)
_OPERATION_BEHIND = re.compile(
    r"[\s$\\)]*(?:\b(?:and an? (?:half|third|quarter|fifth)|squared|cubed|factorial|dozens?|scores?|hundreds?"
    r"|thousands?"
    r"|millions?|billions?|trillions?|halves|thirds|quarters of|fifths|times(?=\s+(?:\d|pi\b|as|the|a\b|x\b|\$|\\))"
    r"|to the power|percent of|plus|minus|multiplied|divided|(?:more|less|fewer|greater) than)\b|%\s*of\b|[!²³])",
    re.IGNORECASE,
)
"""Words that change the value of the number they touch: the number alone is no answer then."""
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
_NUMBERED = re.compile(
    r"\b(?:step|figure|fig\.?|part|problem|question|equation|eq\.?|case|line|table|example|theorem|section|page|choice"
    r"|option)\s*\(?$",
    re.IGNORECASE,
)
"""Before a number that is the name of something: `Step 7`."""
_OR = re.compile(r"\bor\b", re.IGNORECASE)
_CIRCLED = re.compile(r"[①-⑳](?:[\s,，、和与及]*[①-⑳])*")
_OR_BEFORE, _OR_BEHIND = re.compile(r"\bor\s+$"), re.compile(r"\s*\bor\b")
_AND_NOT = re.compile(r"\s*[,;(]\s*(?:and\s+)?not\s[^,;]{1,40}$")
_COUNTED = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
_COUNTS = _COUNTED.split()
_LARGE = "thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|dozen"
_COUNT = re.compile(
    rf"\b(?:is|are|be|equals|total of|exactly)\s+(?:\*\*)?({'|'.join(_COUNTS)})\b(?![- ](?:of|{_LARGE}|half|third)\b)",
    re.IGNORECASE,
)
_ANY_COUNT = re.compile(rf"\b({'|'.join(_COUNTS)}|{_LARGE})\b", re.IGNORECASE)
_PREDICATE = re.compile(r"\b(?:is|are|was|were|be|has|have|had|left|remain|gets?|needs?|makes?)\b", re.IGNORECASE)
_DENIED_NUMBER = re.compile(rf"(?:\b(?:not|isn't|aren't)\s+(?:it's\s+)?)+(?:\w+\s+)?{_NUMBER}(?=\D)", re.IGNORECASE)
"""`not 10, it is 12` denies one number and claims the other."""
_UNSURE = re.compile(r"\b(?:not|isn't|n't)\s+(?:\w+\s+)?(?:sure|certain|clear)\b", re.IGNORECASE)
_NEGATION = re.compile(r"\b(?:not|no|never|n't)\b", re.IGNORECASE)
_CHOICE_LINE = re.compile(r"[-*•\s]*\(?[A-J]\)?\s*[.):]")
SHORT = 300
"""A response of at most so many characters is an answer with a remark, not a derivation."""
_TAIL = 1200
_FORMULA_TAIL = 4000


@frozen
class Claim:
    """The sentence in which a text concludes; `doubt` says why it states no answer, if it does not."""

    text: str
    doubt: str = ""


def _sentences(text: str) -> list[str]:
    tail = text[-_TAIL:]
    if "\\[" in tail or "$$" in tail:
        # A formula on its own line belongs to the sentence around it.
        tail = _DISPLAY.sub(lambda shown: f" {' '.join(shown[1].split())} ", tail)
    return [part.strip() for part in _SENTENCE.split(tail) if part.strip()]


def find_claim(text: str) -> Claim:
    """Returns the last sentence of `text`, in which its answer is looked for, and whether it concludes anything.

    A question, a plan ("let us find …"), an unfinished sentence and one that draws no conclusion state no answer. A
    single sentence needs no conclusion. What follows the answer ("I hope this helps.") is passed over.
    """
    parts = _sentences(text)
    while len(parts) > 1 and _CLOSER.match(parts[-1]):
        parts.pop()
    if not parts:
        return Claim(text)
    last = parts[-1]
    if last.endswith(("?", "？")) and len(last) > 1 and _WORD.search(last):
        return Claim(last, "the response ends in a question")
    if _INTENDS.match(last):
        return Claim(last, "the response ends in a plan")
    if len(parts) == 1:
        return Claim(last, "the response breaks off" if _breaks_off(last) else "")
    if _breaks_off(last) or (len(text) > SHORT and not _FINISHED.search(last) and not _is_short(last)):
        return Claim(last, "the response breaks off")
    if _CHOICE_LINE.match(last) and _CHOICE_LINE.match(parts[-2]):
        return Claim(last, "the response ends in a list of options")
    if len(text) <= SHORT:
        # Of a few sentences the last with a value counts.
        said = (part for part in reversed(parts) if _CANDIDATE.search(part) and not _INTENDS.match(part))
        return Claim(next(said, last))
    concludes = _CONCLUDING.search(last) or _is_short(last) or _stands_alone(text, last)
    return Claim(last, "" if concludes else "the last sentence draws no conclusion")


def _breaks_off(sentence: str) -> bool:
    """Whether a sentence goes on behind its end: at a word that joins, or at the first word of an item of a list."""
    started = sentence[:2] in ("- ", "* ") and len(_WORD.findall(sentence)) < 3 and not _CANDIDATE.search(sentence)
    return started or is_cut(sentence)


def _is_short(sentence: str) -> bool:
    """Whether this is a bare answer on a line of its own, not the beginning of a sentence."""
    return len(_WORD.findall(sentence)) < 3 and not sentence.startswith("- ")


def _stands_alone(text: str, sentence: str) -> bool:
    """Whether the last sentence begins a line: `The perimeter is 16 cm.` below a computation."""
    start = text.rfind(sentence[:20])
    return start <= 0 or text[:start].rstrip(" *>-").endswith("\n")


@lru_cache(maxsize=8)
def _conclude(text: str) -> str:
    """Returns the main clause of the sentence in which `text` concludes. Several searches of one answer ask for it."""
    return main_clause(find_claim(text).text)


def main_clause(sentence: str) -> str:
    """Returns a sentence without its reasons and conditions: `x is 35` of `x is 35 because y is 70`.

    "" if only these hold a value.
    """
    folded = sentence.lower()
    if not any(word in folded for word in _SUBORDINATORS):
        return sentence
    match = _SUBORDINATE.search(sentence)
    while match and match[0].strip(" ,").lower().startswith("as") and _AS_WORD.search(sentence[: match.start()]):
        match = _SUBORDINATE.search(sentence, match.end())
    if match is None:
        return sentence
    before = sentence[: match.start()]
    if _OPENING.fullmatch(before):
        clauses = _CLAUSE.split(sentence)
        return next((clause for clause in reversed(clauses[1:]) if _CANDIDATE.search(clause)), "")
    if _CANDIDATE.search(before):
        return before.rstrip(" ,，")
    relative = match[0].strip(" ,").lower().startswith(_RELATIVE)
    return sentence if relative and len(_POINTER.findall(sentence, match.end())) > 1 else ""


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
    text = _conclude(text[-_FORMULA_TAIL:])
    formulas = list(_FORMULA.finditer(text))
    if not formulas or _DENIED.search(text):
        return None
    *others, last = formulas
    first = last
    if _RESULT.match(text, last.start()):
        while others and _RESULT.match(text, others[-1].start()) and _joins(text[others[-1].end() : first.start()]):
            first = others.pop()
    before = text[max(0, first.start() - 30) : first.start()]
    worded = _WORD.search(text, 0, first.start()) or _WORD.search(text, last.end())
    if not worded or _BOUND.search(before) or _changes_value(text, first.start(), last.end()):
        return None
    if first is not last:
        return text[first.start() : last.end()]
    return next(group for group in last.groups() if group is not None).strip()


def _changes_value(text: str, start: int, end: int) -> bool:
    """Whether the words that touch `text[start:end]` make another value of it: `half of 12`, `12 squared`."""
    before = text[max(0, start - 40) : start]
    return bool(_OPERATION_BEFORE.search(before) or _OPERATION_BEHIND.match(text, end))


def _joins(gap: str) -> bool:
    return len(gap) < 12 and bool(_JOINED.fullmatch(gap))


def find_quantity(text: str) -> str | None:
    """Returns the number that the text ends on: the one after the last pointing word, or the only one."""
    text = strip_bold(text[-_TAIL:])
    if text.strip(" .").lower() in _COUNTS:
        return str(_COUNTS.index(text.strip(" .").lower()))
    if len(_WORD.findall(text)) < 2:
        return None
    claim = find_claim(text).text.strip(" .*").lower()
    if claim in _COUNTS:
        return str(_COUNTS.index(claim))
    sentence = _conclude(text)
    if _DENIED.search(sentence):
        sentence = _DENIED_NUMBER.sub(" ", _UNSURE.sub(" ", sentence))
        if _DENIED.search(sentence):
            return None
    numbers = list(_NUMBERS.finditer(sentence))
    counts = [match[1].lower() for match in _ANY_COUNT.finditer(sentence)]
    pointed = _COUNT.findall(sentence)
    if pointed:
        return str(_COUNTS.index(pointed[-1].lower())) if len(set(pointed)) == 1 and not _OR.search(sentence) else None
    if not numbers:
        # "One" is mostly no number: this one, one of them.
        several = set(counts) - {"one"}
        single = len(several) == 1 and several <= set(_COUNTS) and _PREDICATE.search(sentence)
        return str(_COUNTS.index(several.pop())) if single and not _OR.search(sentence) else None
    kept = [number for number in numbers if not _is_denied(sentence, number)]
    if len(kept) == len(numbers) and len({number.group() for number in numbers}) == 1 and not set(counts) - {"one"}:
        return numbers[-1].group()
    return _find_pointed(sentence, kept)


def denies(text: str) -> bool:
    """Whether `text` holds a word by which it does not claim what it names."""
    return bool(_DENIED.search(text))


def find_circled(text: str) -> str | None:
    """Returns the circled numbers that the last sentence calls right: `①②④` of `综上，①②④正确`."""
    sentence = find_claim(text).text
    runs = _CIRCLED.findall(sentence)
    return runs[0] if len(runs) == 1 and not denies(sentence) and _WORD.search(sentence) else None


def _is_denied(sentence: str, number: re.Match[str]) -> bool:
    """Whether the sentence does not claim the number: `more than 5`, `half of 5`, `5 or`."""
    before = sentence[max(0, number.start() - 30) : number.start()]
    if _OR_BEFORE.search(before) or _OR_BEHIND.match(sentence, number.end()):
        return True
    return bool(_BOUND.search(before) or _NUMBERED.search(before)) or _changes_value(
        sentence, number.start(), number.end()
    )


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
    sentence = _conclude(text)
    end = -1
    for match in _POINTER.finditer(sentence):
        end = match.end()
    if end < 0 or _NEGATION.search(sentence[max(0, end - 40) : end]) or _BOUND.search(sentence[:end]):
        return None
    stated = sentence[end:].strip().rstrip(".")
    number = _NUMBERS.match(stated)
    changed = _changes_value(sentence, end, end + number.end() if number else len(sentence))
    return None if not stated or changed or _DENIED.search(sentence) else stated
