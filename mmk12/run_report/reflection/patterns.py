"""Finds reflections in a response by phrases in their context, in English and Chinese.

All phrase patterns are valid for RE2 too (no look-around, bounded gaps): pyarrow preselects a million responses with
them, and Python's `re` finds the spans. No phrase crosses the end of a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_GAP = r"[^.!?。！？\n]"
_PICTURE = r"\b(?:figure|image|picture|diagram|graph|chart|drawing|photo|table|map)s?\b"
_AGAIN = r"\b(?:again|once more|back|closer|more closely|more carefully|anew)\b"
_LOOK = (
    r"\b(?:look(?:ing|ed)?|go(?:ing)?|refer(?:ring)?|return(?:ing)?|examin(?:e|ing)|inspect(?:ing)?|study(?:ing)?|"
    r"observ(?:e|ing)|view(?:ing)?|check(?:ing)?)\b"
)
_WE = (
    r"\b(?:let me|let's|let’s|let us|i will|i'll|i’ll|i should|i need to|i must|we should|we can|we must|we need to)\b"
)
_OTHER = r"\b(?:another|a different|an alternative|a new|a better|a simpler)\b"
_PLAN = r"\b(?:approach|method|way|strategy|idea|route|path|technique)\b"
_RESULT = r"\b(?:this|that|these|it|the|my|our)\b"

_PHRASES: Mapping[str, tuple[str, ...]] = {
    "re-perception": (
        rf"{_LOOK}{_GAP}{{0,30}}{_PICTURE}{_GAP}{{0,20}}{_AGAIN}",
        rf"{_LOOK}{_GAP}{{0,12}}{_AGAIN}{_GAP}{{0,20}}{_PICTURE}",
        rf"\bre-?(?:examin|inspect|look|read|view|check|visit)\w{{0,4}}\b{_GAP}{{0,30}}{_PICTURE}",
        rf"\b(?:another|a second|a closer) look{_GAP}{{0,20}}{_PICTURE}",
        rf"(?:再|重新|回头|再次|回到|返回){_GAP}{{0,6}}(?:看|观察|审视|检查|查看|读)?{_GAP}{{0,6}}(?:原图|图中|图片|图像|图形|图表|图)",
    ),
    "verification": (
        rf"{_WE}{_GAP}{{0,20}}\b(?:double[- ]check|verify|re-?check|check|confirm|validate)\b",
        r"\b(?:to|by) (?:double[- ]check|verify|re-?check|confirm|validate|verifying|checking)\b",
        rf"\b(?:double[- ]checking|verifying|re-?checking)\b{_GAP}{{0,12}}{_RESULT}",
        rf"\b(?:substitut|plug)\w{{0,4}}\b{_GAP}{{0,24}}\bback\b",
        rf"(?:验证|检验|核对|核实|检查|验算)(?:一下|一遍|一番|这个|该|上述|结果|答案|计算|：|:|，|,)|代回|代入{_GAP}{{0,8}}(?:检验|验证)",
    ),
    "backtracking": (
        r"\b(?:wait|hold on|hmm+|oops)\b ?(?:[,.!;:—–-]|…| no\b| that\b| but\b)",
        r"\bno, (?:that|this|wait|it)\b",
        r"\b(?:that|this|it|which)(?:'s|’s| is| was| seems| can't be| cannot be)(?: also)?"
        r" (?:not right|not correct|wrong|incorrect|a mistake|an error|inconsistent|a contradiction)\b",
        r"\bi(?: have|'ve|’ve)? (?:made (?:a|an) (?:mistake|error)|misread|misinterpreted|miscalculated|overlooked|"
        r"misunderstood)\b",
        r"\b(?:scratch that|let me correct|i stand corrected|correction:)",
        r"(?:^|[。！？!?\n>])\s{0,4}(?:等等|等一下|等下)[，,。！!…]|不对[，,。！!；;]|[算看弄想搞读]错了|(?:计算|推理|理解)有误",
    ),
    "re-planning": (
        rf"{_WE}{_GAP}{{0,24}}{_OTHER}{_GAP}{{0,12}}{_PLAN}",
        rf"\b(?:try|use|using|trying|take|taking|consider) {_OTHER}{_GAP}{{0,12}}{_PLAN}",
        rf"{_WE} (?:reconsider|re-?think|re-?plan|start over|begin again|start again|re-?approach|re-?evaluate)\b",
        r"\b(?:start(?:ing)?|begin(?:ning)?) (?:over|from scratch|all over)\b",
        r"\b(?:think|look|thinking)[^.!?\n]{0,16}\bdifferently\b",
        r"(?:^|[.!?\n>])\s{0,4}alternatively\b",
        r"换一?(?:个|种|条)(?:方法|思路|方式|角度|做法|办法|解法)|重新(?:考虑|思考|规划|开始|分析|推导|审题)|另一种(?:方法|思路|解法)",
    ),
}

PATTERNS: Mapping[str, str] = {kind: "|".join(f"(?:{one})" for one in ones) for kind, ones in _PHRASES.items()}
"""One pattern per kind, to be matched without regard to case; `^` is the start of the text."""

ANYWHERE: Mapping[str, str] = {
    kind: pattern.replace(r"\b", "").replace("(?:^|", "(?:|") for kind, pattern in PATTERNS.items()
}
"""The same without conditions on the surroundings: a prompt without a match contains no phrase of that kind."""

EXCLUSIONS: Mapping[str, re.Pattern[str]] = {
    "backtracking": re.compile(
        r"\b(?:option|choice|statement|alternative|proposition)s?\b|选项|说法|命题|^\W{0,3}[A-H]\W{0,2}[).:、．]",
        re.IGNORECASE,
    ),
    "verification": re.compile(r"\b(?:check|tick) ?marks?\b|\bcheck ?box|\bcheck(?:s|ed)? out\b", re.IGNORECASE),
}
"""Sentences in which a phrase of that kind is no reflection: "option B is wrong" admits no mistake of one's own."""

KINDS = tuple(_PHRASES)


# Matching: a phrase counts unless its sentence excludes it or the prompt contains it.


MAX_LENGTH = 100_000
"""Characters of a response that are searched; 4,096 tokens are about 16,000."""
CONTEXT = 400
"""Characters before and after a phrase in which its sentence is looked for."""
_SENTENCE_STARTS = "。！？!?.\n> "
"""Characters that a pattern for the beginning of a sentence matches before the phrase itself."""

_COMPILED = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in PATTERNS.items()}
_SENTENCE_END = re.compile(r"(?<!\b[A-H])[.!?](?=\s|$)|[。！？\n]")
_SENTENCE_BREAKS = (". ", "! ", "? ", "。", "！", "？", "\n")
_OPTION_LETTER = re.compile(r"\W?[A-H]")
_LEADING_TAGS = re.compile(r"^(?:\s|</?\w{1,12}>)+")


class ReflectionSpan(NamedTuple):
    """A reflection of a kind; the phrase is `text[start:end]`, in characters."""

    kind: str
    start: int
    end: int


def find_reflections(text: str, prompt: str = "", kinds: Sequence[str] = KINDS) -> list[ReflectionSpan]:
    """Finds the reflections in a response, in order, at most one of each kind per sentence.

    A phrase that also stands in the prompt is ignored as an echo, and so is text after the last `<answer>`. Of both
    texts the first 100,000 characters are read.
    """
    text = text[:MAX_LENGTH]
    answer = text.rfind("<answer>")
    end = answer if answer > 0 else len(text)
    prompt = prompt[:MAX_LENGTH].lower()
    spans: dict[tuple[str, int], ReflectionSpan] = {}
    for kind in kinds:
        for match in _COMPILED[kind].finditer(text, 0, end):
            start = match.end() - len(match[0].lstrip(_SENTENCE_STARTS))
            before, after = text[max(0, start - CONTEXT) : start], text[match.end() : match.end() + CONTEXT]
            sentence = start - len(_open_sentence(before))
            if is_reflection(kind, before, text[start : match.end()], after, prompt):
                spans.setdefault((kind, sentence), ReflectionSpan(kind, start, match.end()))
    return sorted(spans.values(), key=lambda span: (span.start, span.end))


def is_reflection(kind: str, before: str, phrase: str, after: str, prompt: str) -> bool:
    """Checks whether a phrase in its context is a reflection. `prompt` is in lower case.

    `phrase` may begin with the end of the previous sentence; `before` and `after` need at most `CONTEXT` characters.
    """
    core = phrase.lstrip(_SENTENCE_STARTS)
    if core.strip("。！？!?\n ").lower() in prompt:
        return False
    if kind not in EXCLUSIONS:
        return True
    ending = _SENTENCE_END.search(core[-1:] + after)
    rest = after[: ending.start()] if ending else after
    opening = "" if core != phrase else _open_sentence(before)
    return not EXCLUSIONS[kind].search(_LEADING_TAGS.sub("", opening + core + rest))


def _open_sentence(before: str) -> str:
    """Returns the end of `before` that belongs to an unfinished sentence; an option's letter belongs to its text."""
    end = max(before.rfind(mark) for mark in _SENTENCE_BREAKS)
    letter = before[max(0, end - 2) : end] if before[end : end + 1] == "." else ""
    return before[end - 1 :] if _OPTION_LETTER.fullmatch(letter) else before[end + 1 :]
