"""The labels behind which an answer is stated: one table, and the search for the last label in a response.

A label is a head ("the final answer", "答案", "Ответ") and what joins it to the answer (a colon, "is", "为"). A head
in brackets (`【答案】`), as a heading (`## Final Answer`) or alone on its line needs nothing more. An answer under a
key of JSON is in `json_answers.py`.
"""

from __future__ import annotations

import re

from mmk12.verifier.nodes import frozen


@frozen
class Language:
    """The heads of one language and the words that join them to an answer, as alternatives of a pattern.

    Each head holds one of `stems`, at most `LEAD` characters behind its start: plain searches save most texts the
    slow pattern.
    """

    name: str
    stems: tuple[str, ...]
    heads: str
    verbs: str


_COLON = ":|：|="
ENGLISH = Language(
    "English",
    ("answer", "final ", "letter", "correct ", "ans:", "ans."),
    r"ans(?:wers?|\.)?|final (?:value|result|choice)|correct (?:option|choice|letter|statements?)|option letter",
    f"would be|should be|must be|will be|is therefore|is thus|is|are|{_COLON}",
)
CHINESE = Language(
    "Chinese",
    ("答", "正", "最终", "选", "填"),
    "答案|回答|最终结果|正确的?(?:选项|结论|说法|命题|判断|序号|一项)(?:的?序号)?|正确的(?=[是为有])",
    f"应该是|应该为|应为|应是|就是|即为|便是|则为|为|是|有|选|{_COLON}",
)
OTHERS = (
    Language("Japanese", ("答え", "正解", "解答"), "最終的な答え|答え|正解|解答", f"は|{_COLON}"),
    Language("Korean", ("답",), "정답|최종 답|답변|답", f"은|는|{_COLON}"),
    Language("Russian", ("ответ",), "ответом|ответ", f"является|будет|равен|{_COLON}|—|–|- "),
    Language("Ukrainian", ("відповідь",), "відповідь", f"є|{_COLON}|—|–"),
    Language("German", ("antwort", "ergebnis"), "antwort|endergebnis|ergebnis", f"lautet|beträgt|ist|{_COLON}"),
    Language("French", ("réponse",), "réponse(?: finale| correcte| exacte)?", f"est donc|est|{_COLON}"),
    Language("Spanish", ("respuesta",), "respuesta(?: final| correcta)?", f"sería|es|{_COLON}"),
    Language("Portuguese", ("resposta",), "resposta(?: final| correta| certa)?", f"é|{_COLON}"),
    Language("Italian", ("risposta",), "risposta(?: finale| corretta| esatta)?", f"è|{_COLON}"),
    Language("Dutch", ("antwoord",), "antwoord", f"is|{_COLON}"),
    Language("Polish", ("odpowiedź",), "odpowiedź", f"to|{_COLON}"),
    Language("Turkish", ("cevap",), "cevap", _COLON),
    Language("Vietnamese", ("đáp",), "đáp án|đáp số", f"là|{_COLON}"),
    Language("Indonesian", ("jawaban",), "jawaban(?:nya)?", f"adalah|{_COLON}"),
    Language("Arabic", ("الإجابة", "الجواب"), "الإجابة|الجواب", f"هي|هو|{_COLON}"),
    Language("Hindi", ("उत्तर",), "उत्तर", f"है|{_COLON}"),
)
"""Heads are whole words, except in scripts without spaces. Case never matters."""

_ENGLISH_HEADINGS = r"(?:final\s+|correct\s+)?answers?"
_HEADINGS = rf"{_ENGLISH_HEADINGS}|最终答案|答案|正确答案|答え|정답|ответ|antwort|réponse|respuesta"
"""Heads that announce an answer where they stand alone on a line."""
_VERDICTS = r"(?:本题|故|应|所以|因此|那么|综上)[,，]?\s*(?:本题)?\s*(?:选(?:择|项)?|应?填)(?:[是为])?\s*[:：]?"
"""`故选B`, `所以选项D`, `应填5`."""


def _compile(language: Language) -> str:
    return (
        rf"(?:{language.heads})(?:\s*(?:\*\*|__|</?[bi]>|</strong>))*\s*(?:to the (?:question|problem)\s+)?"
        rf"(?:{language.verbs})(?:\s*(?:\*\*|__|:|：|therefore|donc|</[bi]>|</strong>))*"
    )


def _compile_alone(heads: str) -> str:
    """Heads in brackets (`[Answer]`), alone on their line (`## Final Answer`), or at its start (`Answer 5`)."""
    return (
        rf"[【\[［〖「]\s*(?:{heads}|正确选项|回答)\s*[】\]］〗」]\s*[:：]?"
        rf"|(?P<line>(?<!\S)(?:#{{1,6}}|\*\*|__)?[ \t]*(?:\*\*)?(?:{heads})(?:\*\*|__)?[ \t]*[:：]?[ \t]*(?:\*\*)?"
        r"(?:[ \t]*(?:\n|$)|[ \t]+(?=[-−$\\]?\d|\(?[a-j]\)?[\s.]*$)))"
    )


# These patterns search texts in lower case, which is faster than to ignore case.
_ENGLISH = re.compile(rf"(?=[#*_\[afco])(?:{_compile(ENGLISH)}|{_compile_alone(_ENGLISH_HEADINGS)})")
"""For texts of ASCII alone."""
_COMMON = re.compile(
    rf"(?=[#*_【\[［〖「afco答回最正本故应所因那综정оr])"
    rf"(?:{_compile(ENGLISH)}|{_compile(CHINESE)}|{_VERDICTS}|{_compile_alone(_HEADINGS)})"
)
_ASCII_STEMS = ENGLISH.stems
_COMMON_STEMS = ENGLISH.stems + CHINESE.stems
_OTHERS = tuple((stem, re.compile(_compile(language))) for language in OTHERS for stem in language.stems)
_ASCII_OTHERS = tuple((stem, pattern) for stem, pattern in _OTHERS if stem.isascii())
LEAD = 24
MAX_TAIL = 20_000
"""Characters from the end in which a label is looked for: more than 4096 tokens make."""
MAX_LABELS = 200
"""The last labels of a response that are looked at."""
MAX_STATEMENT = 1000
_OPTION = re.compile(r"\s*\([A-Z]\)")
FINAL = re.compile(r"final answer is(?:\s*:)?", re.IGNORECASE)
_PREFIX = re.compile(r"\s*(?:#+\s*)?(?:step\s*)?\d{0,2}[.):]?\s*")
"""Before a heading, on its line: `7. `, `Step 3: `."""
_DOUBTED = re.compile(
    r"(?:\b(?:not|impossible|incorrect|false|wrong|unlikely|doubtful)|n't)\s+(?:\w+\s+){0,2}(?:that\s+)?"
    r"(?:(?:the|my|a)\s+)?(?:\w+\s+)?$"
    r"|\bnone\s+of\s+(?:the|these|those)\s+(?:\w+\s+)?$"
    r"|\b(?:which|what|whether|if)\s+(?:of\s+)?(?:(?:the|these|this|my|your)\s+)?(?:\w+\s+)?$"
    r"|(?:不是|并非|没有|哪个|哪一)(?:正确)?的?$",
    re.IGNORECASE,
)
"""Before a label: it states no answer (`none of the answers is correct`, `it is impossible that the answer is 5`)."""
_DOUBTS = (
    *("not ", "n't ", "impossible", "incorrect", "false", "wrong", "unlikely", "doubtful", "none ", "which ", "what "),
    *("whether ", "if ", "不是", "并非", "没有", "哪"),
)
"""Each doubt holds one of these."""
_ENDED = re.compile(r"[.!?。！？]")
_JUDGED = re.compile(
    r"\s*(?:(?:not\s+)?(?:in)?(?:correct|right|wrong)\b\W*(?:$|\n)|to (?:be|find|see|use)\b)", re.IGNORECASE
)
"""Behind a label: the head is judged and no answer is given (`the answer is correct.`)."""
_SENTENCE_END = re.compile(
    r"[。！？]|[.!?]\s*\*{0,2}(?=\s+[A-Z\u4e00-\u9fff*#(]|\s*$)|．(?!\d)|\n\s*\n"
    r"|\n(?=\s*(?:\*\*|#|【|\[?解析|Explanation|Reason|Note|Justification|Solution))"
)
_BRACES = re.compile(r"\\.|[{}]", re.DOTALL)
_DANGLING = re.compile(r"(?:[=+*/×÷(\[{≤≥^_\\]|\s[<>]|\b(?:or|and|the|is|are|of|to|be|than|equals)|[为是或和])\s*$")
"""The end of a text that goes on: an operator, an opened bracket, a word that joins."""


_TAKEN_BACK = re.compile(
    r"[.。!！?？][*\s]*(?:(?:no|nope|sorry|oops)\s*[,.!;:–—-]|wait\b|correction\b|hold on\b|scratch that\b|不对|不是)",
    re.IGNORECASE,
)
"""The end of a sentence and the word that takes it back: `12? No, 13`. "No other value works" takes nothing back."""


@frozen
class Statement:
    """What a label introduces: `open` if it reaches to the end of the response, `cut` if it breaks off there."""

    text: str
    cut: bool = False
    open: bool = False


def find_stated(text: str) -> Statement | None:
    """Returns what follows the last label of `text`, to the end of its sentence; None without one."""
    folded = text.lower()
    ascii_only = folded.isascii()
    if ascii_only and "e" not in folded and "ans" not in folded:
        # True of most formulas: nearly all heads have an `e`.
        return None
    last = max(map(folded.rfind, _ASCII_STEMS if ascii_only else _COMMON_STEMS))
    others = [pattern for stem, pattern in (_ASCII_OTHERS if ascii_only else _OTHERS) if stem in folded]
    if last < 0 and not others:
        return None
    if len(folded) != len(text):
        # Only the dotted capital I becomes longer; an index into one text must be one into the other.
        text = text.replace("İ", "I")
        folded = text.lower()
    common = (_ENGLISH if ascii_only else _COMMON, *others)
    if not others:
        # Mostly the last line that has a head has the label.
        stated = _last_match(common, text, folded, text.rfind("\n", 0, max(0, last - LEAD)) + 1)
        if stated is not None:
            return stated
    return _last_match(common, text, folded, 0)


def find_final(text: str, start: int) -> Statement | None:
    """Returns what follows the last "final answer is" behind `start`."""
    return _last_match((FINAL,), text, text, start)


def _last_match(patterns: tuple[re.Pattern[str], ...], text: str, folded: str, start: int) -> Statement | None:
    """Returns what follows the last label that stands; `folded` is the text that the patterns search."""
    start = max(0, start, len(text) - MAX_TAIL)
    matches = [match for pattern in patterns for match in pattern.finditer(folded, start)]
    if len(patterns) > 1:
        matches.sort(key=lambda match: match.start())
    end = -1
    for match in matches[-MAX_LABELS:]:
        # "the answer is (B) the choice is …": the words of an option are no label.
        if end >= 0 and _OPTION.match(text, end) and "\n" not in text[end : match.start()]:
            continue
        if _stands(folded, match):
            end = match.end()
    if end < 0:
        return None
    rest = text[end:].lstrip(" \t\n:*")
    whole = len(rest) <= MAX_STATEMENT
    rest = _drop_unmatched_brace(rest[:MAX_STATEMENT])
    stop = _SENTENCE_END.search(rest)
    if stop is not None and _TAKEN_BACK.match(rest, stop.start()):
        stop = None  # then both sentences are the statement, and it hedges
    stated = (rest[: stop.start()] if stop else rest).strip().rstrip("*").rstrip()
    if not stated:
        return None
    if stop is not None or not whole:
        return Statement(stated)
    return Statement(stated, is_cut(stated), open=True)


def _stands(folded: str, match: re.Match[str]) -> bool:
    """Whether a label states an answer: it is whole words, and neither doubted, asked for nor judged."""
    start = match.start()
    if start and folded[start - 1].isalpha() and "a" <= folded[start] <= "z":
        return False
    if _JUDGED.match(folded, match.end()):
        return False
    line = folded[max(0, start - 60, folded.rfind("\n", 0, start) + 1) : start]
    if match.lastgroup == "line" and line and not _PREFIX.fullmatch(line):
        return False
    doubted = len(line) > len("no") and any(word in line for word in _DOUBTS)
    return not (doubted and _DOUBTED.search(_ENDED.split(line)[-1]))


def _drop_unmatched_brace(text: str) -> str:
    r"""Returns `text` without the brace that closes a group opened before it: of `\textbf{Answer: B}`, `B`."""
    if "}" not in text:
        return text
    level = 0
    for match in _BRACES.finditer(text):
        level += {"{": 1, "}": -1}.get(match[0], 0)
        if level < 0:
            return text[: match.start()] + " " + text[match.end() :]
    return text


def is_cut(text: str) -> bool:
    """Whether `text`, which ends a response, breaks off at a word or a sign that joins."""
    return bool(_DANGLING.search(text[-20:].rstrip("*") if text.endswith("**") else text[-20:]))
