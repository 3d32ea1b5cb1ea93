"""Removes what chat templates and copying leave in a response, once, before anything else reads it.

Line ends become `\\n` and invisible characters vanish. Tokens that end a turn end the response. The tags by which
other models mark their thinking, their answer or their box become `<think>`, `<answer>` and `\\boxed{…}`.
"""

from __future__ import annotations

import re

_INVISIBLE = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]+")
"""Soft hyphens, zero-width characters, marks of direction, byte order marks."""

_CHANNEL = re.compile(
    r"(?:<\|end\|>\s*)?(?:<\|start\|>\s*assistant\s*)?<\|channel\|>\s*(\w{1,20})[^<\n]{0,60}<\|message\|>"
)
"""The header of a message in the format of gpt-oss: `final` is for the reader, all other channels are thinking."""

_TOKEN = re.compile(
    r"<[|｜]\s*(/?[A-Za-z][\w▁ -]{2,40}?)\s*[|｜]>"  # <|im_end|>, <｜end▁of▁sentence｜>
    r"|<(/s|eo[a-z]|eos|end_of_[a-z]{1,20}|start_of_turn)>"  # Llama 2, InternLM, Gemma
)
_KEPT = {"eoe": "\n", "eoh": "\n", "begin_of_box": "\\boxed{", "end_of_box": "}"}
"""What stands for a token that ends no turn: InternLM ends its reasoning by `<eoe>`, GLM boxes its answer."""
_OPENS = ("begin", "start", "assistant", "think", "thought", "solution")
"""A token with one of these in its name opens something, or closes something behind which the answer follows."""

_LAST_TOKEN = re.compile(rf"(?:{_TOKEN.pattern}|<pad>|\[PAD\])\s*\Z")
_LONGEST_TOKEN = 80
"""Characters in which `_LAST_TOKEN` finds a token and the space around it."""

_THINKING = "think|thinking|thought|thoughts|reasoning|reflection"
_ANSWERING = "answer|final[_ ]?answer|conclusion"
_FOREIGN = re.compile(
    rf"<(/?)(?:({_THINKING})|({_ANSWERING}))\s*>"  # in any case: <Answer>, <CONCLUSION>
    r"|(?:\[|◁)(/?)(?:think)(?:\]|▷)",  # Magistral, Kimi
    re.IGNORECASE,
)
_NOT_OURS = re.compile(rf"<(?!/?(?:think|answer)>)/?(?i:{_THINKING}|{_ANSWERING})\s*>")
"""A tag that is not spelt as ours."""


def clean(response: str) -> str:
    """Returns `response` without marks of chat templates, in our own tags. Linear in its length."""
    text = response.replace("\r\n", "\n").replace("\r", "\n") if "\r" in response else response
    if not text.isascii():
        text = _INVISIBLE.sub("", text).replace("\u2028", "\n").replace("\u2029", "\n")
    if "<" in text:
        if "|>" in text or "｜>" in text or "</s>" in text or "<e" in text or "<start_of" in text:
            text = _cut_at_end(_CHANNEL.sub(_name_channel, text))
        if _NOT_OURS.search(text):
            text = _FOREIGN.sub(_rename, text)
    elif "◁" in text or "THINK]" in text:
        text = _FOREIGN.sub(_rename, text)
    return text


def cut_end_marks(response: str) -> str:
    """Returns `response` without the tokens behind it that end a turn or pad it, as decoders leave them on request.

    What a token encloses is no part of its end: `<|end_of_box|>` stays. Linear in the number of tokens.
    """
    kept = len(response)
    while found := _LAST_TOKEN.search(response, max(0, kept - _LONGEST_TOKEN), kept):
        name = (found[1] or found[2] or "pad").replace("▁", "_").lower()
        if name in _KEPT or _opens(name):
            break
        kept = found.start()
    return response[:kept]


def _name_channel(match: re.Match[str]) -> str:
    return "</think>" if match[1] == "final" else "<think>"


def _cut_at_end(text: str) -> str:
    """Returns `text` up to the first token by which a model ends its turn, and without those that open one."""
    parts: list[str] = []
    end = 0
    said = False
    for match in _TOKEN.finditer(text):
        parts.append(text[end : match.start()])
        said = said or not (not parts[-1] or parts[-1].isspace())
        end = match.end()
        name = (match[1] or match[2]).replace("▁", "_").lower()
        kept = _KEPT.get(name)
        if kept is None and ("thought" in name or "think" in name):
            kept = "</think>" if name.startswith(("end", "/")) else "<think>"
        if kept is None and said and ("im_start" in name or not _opens(name)):
            return "".join(parts)
        parts.append(kept or "")
    return "".join([*parts, text[end:]])


def _opens(name: str) -> bool:
    return any(word in name for word in _OPENS)


def _rename(match: re.Match[str]) -> str:
    slash = match[1] or match[4] or ""
    return f"<{slash}{'answer' if match[3] else 'think'}>"
