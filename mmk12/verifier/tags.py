"""The format that the prompt asks for: `<think>…</think><answer>…</answer>` and nothing else.

The tags cut the response in pieces in one pass, in time linear in its length.
"""

from __future__ import annotations

import re

TAGS = ("<think>", "</think>", "<answer>", "</answer>")
_TAG = re.compile(r"(</?(?:think|answer)>)")


def format_ok(response: str) -> bool:
    """Whether each tag stands once, in order, with nothing outside and neither section empty.

    The format reward of the paper (section 2.3). The released Zero reward also demands 300 characters of
    thinking, which the paper does not mention and which is not asked for here.
    """
    pieces = _TAG.split(response) if TAGS[3] in response else []
    if tuple(pieces[1::2]) != TAGS:
        return False
    before, thought, between, answer, after = map(str.strip, pieces[::2])
    return bool(thought and answer) and not (before or between or after)
