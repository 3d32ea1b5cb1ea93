"""Where in a response the judged answer stands, so that a reader sees it in its place.

A verdict quotes what was extracted, not where. The place follows from the rule that found it: behind the tag, in the
box, behind the words that announce it. An answer that is the whole response, or that was put together from several
boxes, has no one place and is not marked.
"""

from __future__ import annotations

import re

from mmk12.verifier.extract import Missing, extract

_ANNOUNCED = r"(?:\b(?:is|are|be|therefore)|[:：=为是选*])[\s:：*]{0,8}"


def marked(response: str, answer: str | None) -> list[str]:
    """`response` as [before, answer, after], or whole as [response] where the answer has no one place."""
    start = None if not answer else _place(response, answer)
    if answer is None or start is None:
        return [response]
    end = start + len(answer)
    return [response[:start], response[start:end], response[end:]]


def _place(response: str, answer: str) -> int | None:
    found = extract(response)
    # Other profiles have extractors of their own: what they found is looked for from the end.
    if isinstance(found, Missing) or not found.text.startswith(answer):
        return _at(response.rfind(answer))
    if found.rule == "answer tag":
        return _at(response.find(answer, response.rfind("<answer>")))
    if found.rule == "boxed":
        return _at(response.find(answer, max(response.rfind("\\boxed"), response.rfind("\\fbox"))))
    if found.rule in ("answer is", "final answer"):
        announced = [match.end() for match in re.finditer(_ANNOUNCED + re.escape(answer), response)]
        return announced[-1] - len(answer) if announced else _at(response.rfind(answer))
    return None


def _at(index: int) -> int | None:
    return index if index >= 0 else None
