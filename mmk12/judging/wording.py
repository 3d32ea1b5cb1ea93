"""How untrusted material is put before a judge, and how its reply is read.

What is judged may address the judge. Three things limit that: the material stands between marks that are derived from
its own hash, so that it cannot contain them; the beginnings of control tokens in it are broken up; and a reply other
than the one word is no verdict. A judge that believes what it reads can still be talked over: this is one reason why
its opinion never replaces the rules'.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from mmk12.storage import to_json
from mmk12.types import Message

_CONTROL = re.compile(r"<(?=[A-Za-z/|_])|\[(?=/?[A-Z_]+\])")
"""Where `<|im_end|>`, `</s>`, `<image>` or `[INST]` begins. A space behind it changes no mathematics."""
_WORDS = {"yes": True, "no": False}


def messages(system: str, user: str, material: Mapping[str, str]) -> list[Message]:
    """The chat in which `{name}` in `user` stands for a piece of `material`, and `{mark}` for the mark around it."""
    mark = hashed(list(material.values()))[:16]
    parts = {"mark": mark, **{name: _CONTROL.sub(r"\g<0> ", text) for name, text in material.items()}}
    # One pass, and not str.format: the material is full of braces, and may hold "{mark}".
    return [Message("system", system), Message("user", re.sub(r"\{(\w+)\}", lambda slot: parts[slot[1]], user))]


def hashed(parts: Sequence[str | None]) -> str:
    """Under what an opinion is kept: the hash of everything that decides it."""
    return hashlib.sha256(to_json(list(parts)).encode("utf-8", "replace")).hexdigest()


def opinion(reply: str) -> bool | None:
    """Yes, no, or no verdict: for a reply in any other words."""
    return _WORDS.get(reply.strip().removesuffix(".").lower())
