"""The phrases that give a second thought away, by kind, and the sentences in which they mean something else.

Every pattern is one that RE2 reads too (no look-around, bounded gaps): pyarrow sorts a million responses with it, and
Python's `re` finds the place. A phrase ends with its sentence.
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
"""Kind -> one pattern, to be read without regard to case, `^` meaning the start of the text."""

ANYWHERE: Mapping[str, str] = {
    kind: pattern.replace(r"\b", "").replace("(?:^|", "(?:|") for kind, pattern in PATTERNS.items()
}
"""The same, whatever stands around a phrase: a text without a match can hold no phrase of that kind as an echo."""

VOID: Mapping[str, re.Pattern[str]] = {
    "backtracking": re.compile(
        r"\b(?:option|choice|statement|alternative|proposition)s?\b|选项|说法|命题|^\W{0,3}[A-H]\W{0,2}[).:、．]",
        re.IGNORECASE,
    ),
    "verification": re.compile(r"\b(?:check|tick) ?marks?\b|\bcheck ?box|\bcheck(?:s|ed)? out\b", re.IGNORECASE),
}
"""Sentences in which a phrase of that kind means something else: an option that is wrong is no mistake of one's own."""

KINDS = tuple(_PHRASES)


# Where a response thinks again: phrases, judged by the sentence they stand in and by what was asked.


LONGEST = 100_000
"""Characters of a response that are read; 4,096 tokens are about 16,000."""
REACH = 400
"""Characters before and after a phrase in which its sentence is looked for."""
_BEFORE = "。！？!?.\n> "
"""What a pattern for the beginning of a sentence takes with it."""

_COMPILED = {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in PATTERNS.items()}
_END = re.compile(r"(?<!\b[A-H])[.!?](?=\s|$)|[。！？\n]")
_MARKS = (". ", "! ", "? ", "。", "！", "？", "\n")
_LETTER = re.compile(r"\W?[A-H]")
_TAG = re.compile(r"^(?:\s|</?\w{1,12}>)+")


class ReflectionSpan(NamedTuple):
    """A second thought of a kind: the phrase is `text[start:end]`."""

    kind: str
    start: int
    end: int


def find_reflections(text: str, asked: str = "", kinds: Sequence[str] = KINDS) -> list[ReflectionSpan]:
    """The second thoughts in a response, in order, one of each kind in a sentence.

    A phrase that the prompt `asked` has too is an echo, not a thought; behind `<answer>` nothing is thought.
    """
    said = text[:LONGEST]
    until = said.rfind("<answer>")
    prompt = asked[:LONGEST].lower()
    found: dict[tuple[str, int], ReflectionSpan] = {}
    for kind in kinds:
        for match in _COMPILED[kind].finditer(said, 0, until if until > 0 else len(said)):
            start = match.end() - len(match[0].lstrip(_BEFORE))
            before, after = said[max(0, start - REACH) : start], said[match.end() : match.end() + REACH]
            sentence = start - len(_begun(before))
            if is_genuine(kind, before, said[start : match.end()], after, prompt):
                found.setdefault((kind, sentence), ReflectionSpan(kind, start, match.end()))
    return sorted(found.values(), key=lambda moment: (moment.start, moment.end))


def is_genuine(kind: str, before: str, phrase: str, after: str, prompt: str) -> bool:
    """Whether a phrase between these words, of its kind, is a second thought. `prompt` is in lower case.

    `phrase` may begin with the end of the sentence before it; `before` and `after` need not reach beyond `REACH`.
    """
    thought = phrase.lstrip(_BEFORE)
    if thought.strip("。！？!?\n ").lower() in prompt:
        return False
    if kind not in VOID:
        return True
    ending = _END.search(thought[-1:] + after)
    rest = after[: ending.start()] if ending else after
    begun = "" if thought != phrase else _begun(before)
    return not VOID[kind].search(_TAG.sub("", begun + thought + rest))


def _begun(before: str) -> str:
    """What of these words belongs to the sentence that they leave open; the letter of an option belongs to its text."""
    end = max(before.rfind(mark) for mark in _MARKS)
    letter = before[max(0, end - 2) : end] if before[end : end + 1] == "." else ""
    return before[end - 1 :] if _LETTER.fullmatch(letter) else before[end + 1 :]
