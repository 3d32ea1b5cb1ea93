"""The format that the prompt asks for: `<think>…</think><answer>…</answer>` and nothing else.

Counted by plain searches, in time linear in the length of the response.
"""

from __future__ import annotations

TAGS = ("<think>", "</think>", "<answer>", "</answer>")


def format_ok(response: str) -> bool:
    """Whether each tag stands once, in order, with nothing outside and neither section empty.

    The format reward of the paper (section 2.3). The released Zero reward also demands 300 characters of
    thinking, which the paper does not mention and which is not asked for here.
    """
    text = response.strip()
    if not text.startswith(TAGS[0]) or not text.endswith(TAGS[3]):
        return False
    for tag in TAGS:
        if text.count(tag) != 1:
            return False
    thought, between, answer = (text.find(tag) for tag in TAGS[1:])
    # `find` is -1 nowhere here: every tag was counted.
    if not thought < between < answer or text[thought + len(TAGS[1]) : between].strip():
        return False
    return bool(text[len(TAGS[0]) : thought].strip()) and bool(text[between + len(TAGS[2]) : answer].strip())
