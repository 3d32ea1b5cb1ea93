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
    """The heads of one language and the words that join them to an answer, as alternatives of a pattern."""

    name: str
    heads: str
    verbs: str


_COLON = ":|：|="
LANGUAGES = (
    Language(
        "English",
        "answers?|final value|final result|final choice|correct option|option letter|correct choice|correct letter"
        "|correct statements?|ans",
        f"would be|should be|must be|will be|is therefore|is thus|is|are|{_COLON}",
    ),
    Language(
        "Chinese",
        "答案|回答|最终结果|正确的?(?:选项|结论|说法|命题|判断|序号|一项)(?:的?序号)?|正确的(?=[是为有])",
        f"应该是|应该为|应为|应是|就是|即为|便是|则为|为|是|有|选|{_COLON}",
    ),
    Language("Japanese", "最終的な答え|答え?|正解|解答", f"は|{_COLON}"),
    Language("Korean", "정답|최종 답|답변|답", f"은|는|{_COLON}"),
    Language("Russian", "ответом|ответ", f"является|будет|равен|{_COLON}|—|–|- "),
    Language("Ukrainian", "відповідь", f"є|{_COLON}|—|–"),
    Language("German", "antwort|endergebnis|ergebnis", f"lautet|beträgt|ist|{_COLON}"),
    Language("French", "réponse(?: finale| correcte| exacte)?", f"est donc|est|{_COLON}"),
    Language("Spanish", "respuesta(?: final| correcta)?", f"sería|es|{_COLON}"),
    Language("Portuguese", "resposta(?: final| correta| certa)?", f"é|{_COLON}"),
    Language("Italian", "risposta(?: finale| corretta| esatta)?", f"è|{_COLON}"),
    Language("Dutch", "antwoord", f"is|{_COLON}"),
    Language("Polish", "odpowiedź", f"to|{_COLON}"),
    Language("Turkish", "cevap", _COLON),
    Language("Vietnamese", "đáp án|đáp số", f"là|{_COLON}"),
    Language("Indonesian", "jawaban(?:nya)?", f"adalah|{_COLON}"),
    Language("Arabic", "الإجابة|الجواب", f"هي|هو|{_COLON}"),
    Language("Hindi", "उत्तर", f"है|{_COLON}"),
)
"""Heads end where a word ends, except in scripts without spaces. Case never matters."""

_HEADINGS = (
    r"(?:the\s+|my\s+)?(?:final\s+|correct\s+)?answers?|最终答案|答案|正确答案|答え|정답|ответ|antwort|réponse"
    r"|respuesta"
)
"""Heads that announce an answer where they stand alone on a line."""
_CHINESE_VERDICTS = r"(?:本题|故|应|所以|因此|那么|综上)[,，]?\s*(?:本题)?\s*(?:选(?:择|项)?|应?填)(?:[是为])?"
"""`故选B`, `所以选项D`, `应填5`."""

_ANCHOR = re.compile(
    rf"[【\[［〖「]\s*(?:{_HEADINGS}|正确选项|回答)\s*[】\]］〗」]\s*[:：]?"
    rf"|(?:^|(?<=\n))[ \t]*(?:#{{1,6}}|\*\*|__)?[ \t]*(?:\*\*)?(?:{_HEADINGS})"
    r"(?:\*\*|__)?[ \t]*[:：]?[ \t]*(?:\*\*)?[ \t]*(?:\n|$)"
    r"|(?:^|(?<=\n))[ \t]*(?:答案|answer|ответ)[ \t]+(?=[-−$\\]?\d|\(?[A-Ja-j]\)?[\s.]*$)"
    rf"|{_CHINESE_VERDICTS}\s*[:：]?"
    r"|"
    + "|".join(
        rf"(?:{language.heads})(?:\s*(?:\*\*|__|</?[bi]>|</strong>))*\s*(?:to the (?:question|problem)\s+)?"
        rf"(?:{language.verbs})(?:\s*(?:\*\*|__|:|：|therefore|donc|</[bi]>|</strong>))*"
        for language in LANGUAGES
    ),
    re.IGNORECASE,
)
_ASCII_STEMS = (
    "answer",
    "nal value",
    "nal result",
    "nal cho",
    "on letter",
    "ct opt",
    "ct cho",
    "ct let",
    "ct stat",
    *("ans:", "ans.", "antwo", "ergebnis", "respuesta", "resposta", "risposta", "cevap", "jawaban"),
)
_OTHER_STEMS = (
    "答",
    "正",
    "最终",
    "选",
    "填",
    "정답",
    "답",
    "ответ",
    "відповідь",
    "réponse",
    "odpowiedź",
    "đáp",
    "الإجابة",
    *("الجواب", "उत्तर"),
)
"""Each anchor holds one of these, at most `LEAD` characters behind its start: plain searches save most texts the
slow pattern."""
LEAD = 24
MAX_TAIL = 20_000
"""Characters from the end in which a label is looked for: more than 4096 tokens make."""
MAX_STATEMENT = 1000
_OPTION = re.compile(r"\s*\([A-Z]\)")
FINAL = re.compile(r"final answer is(?:\s*:)?", re.IGNORECASE)
_WORD_BEFORE = re.compile(r"[A-Za-zÀ-ɏЀ-ӿ]$")
_DOUBTED = re.compile(
    r"(?:\b(?:not|impossible|incorrect|false|wrong|unlikely|doubtful)|n't)\s+(?:\w+\s+){0,2}(?:that\s+)?"
    r"(?:(?:the|my|a)\s+)?(?:\w+\s+)?$"
    r"|\bnone\s+of\s+(?:the|these|those)\s+(?:\w+\s+)?$"
    r"|\b(?:which|what|whether|if)\s+(?:of\s+)?(?:(?:the|these|this|my|your)\s+)?(?:\w+\s+)?$"
    r"|(?:不是|并非|没有|哪个|哪一)(?:正确)?的?$",
    re.IGNORECASE,
)
"""Before a label: it states no answer (`none of the answers is correct`, `it is impossible that the answer is 5`)."""
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


@frozen
class Statement:
    """What a label introduces; `cut` if it breaks off where the response does."""

    text: str
    cut: bool = False


def find_stated(text: str) -> Statement | None:
    """Returns what follows the last label of `text`, to the end of its sentence; None without one."""
    folded = text.casefold()
    ascii_only = folded.isascii()
    if ascii_only and "e" not in folded and "ans" not in folded:
        # True of most formulas: nearly all heads have an `e`.
        return None
    stems = _ASCII_STEMS if ascii_only else _ASCII_STEMS + _OTHER_STEMS
    starts = [start for start in map(folded.find, stems) if start >= 0]
    if not starts:
        return None
    # Where folding changes lengths, as of "ß", an index into one text is none into the other.
    return _last_match(_ANCHOR, text, min(starts) - LEAD if len(folded) == len(text) else 0)


def find_final(text: str, start: int) -> Statement | None:
    """Returns what follows the last "final answer is" behind `start`."""
    return _last_match(FINAL, text, start)


def _last_match(anchor: re.Pattern[str], text: str, start: int) -> Statement | None:
    end = -1
    for match in anchor.finditer(text, max(0, start, len(text) - MAX_TAIL)):
        # "the answer is (B) the choice is …": the words of an option are no label.
        if end >= 0 and _OPTION.match(text, end) and "\n" not in text[end : match.start()]:
            continue
        if _stands(text, match):
            end = match.end()
    if end < 0:
        return None
    rest = text[end:].lstrip(" \t\n:*")
    whole = len(rest) <= MAX_STATEMENT
    rest = _drop_unmatched_brace(rest[:MAX_STATEMENT])
    stop = _SENTENCE_END.search(rest)
    stated = (rest[: stop.start()] if stop else rest).strip().rstrip("*").rstrip()
    if not stated:
        return None
    return Statement(stated, whole and is_cut(stated) if stop is None else False)


def _stands(text: str, match: re.Match[str]) -> bool:
    """Whether a label states an answer: it is whole words, and neither doubted, asked for nor judged."""
    before = text[max(0, match.start() - 60) : match.start()]
    if match[0][:1].isalpha() and _WORD_BEFORE.search(before) and match[0][:1].isascii():
        return False
    if _JUDGED.match(text, match.end()):
        return False
    return not _DOUBTED.search(re.split(r"[.!?。！？\n]", before)[-1])


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
