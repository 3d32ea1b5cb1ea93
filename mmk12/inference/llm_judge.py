"""The judge, what is asked of it, and its record. The judge is one more model behind the openai backend.

So it has that backend's concurrency, retries and honesty about failures, and an evaluation's way to survive a kill:
every reply is stored as it comes, and the same command asks only for what is missing.

Two files of a folder are the record: judge.json says who was asked, judgements.jsonl what was answered, append-only
like completions.jsonl.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmk12.errors import BadInput
from mmk12.inference import find_model, open_backend
from mmk12.inference.generate import CompletionLog, generate
from mmk12.types import Backend, Message, Request, Sampling
from mmk12.utils import storage
from mmk12.utils.images import ImageStore
from mmk12.utils.progress import Progress
from mmk12.utils.storage import to_json

# An optional second opinion: a language model says yes or no to what the rules found.


# How untrusted material is put before a judge, and how its reply is read.


_CONTROL = re.compile(r"<(?=[A-Za-z/|_])|\[(?=/?[A-Z_]+\])")
"""Where `<|im_end|>`, `</s>`, `<image>` or `[INST]` begins. A space behind it changes no mathematics."""
_WORDS = {"yes": True, "no": False}


def build_messages(system: str, user: str, material: Mapping[str, str]) -> list[Message]:
    """The chat in which `{name}` in `user` stands for a piece of `material`, and `{mark}` for the mark around it."""
    mark = hash_request(list(material.values()))[:16]
    parts = {"mark": mark, **{name: _CONTROL.sub(r"\g<0> ", text) for name, text in material.items()}}
    # One pass, and not str.format: the material is full of braces, and may hold "{mark}".
    return [Message("system", system), Message("user", re.sub(r"\{(\w+)\}", lambda slot: parts[slot[1]], user))]


def hash_request(parts: Sequence[str | None]) -> str:
    """Under what an opinion is kept: the hash of everything that decides it."""
    return hashlib.sha256(to_json(list(parts)).encode("utf-8", "replace")).hexdigest()


def parse_opinion(reply: str) -> bool | None:
    """Yes, no, or no verdict: for a reply in any other words."""
    return _WORDS.get(reply.strip().removesuffix(".").lower())


_SAMPLING = Sampling(temperature=0.0, max_tokens=8)
"""One word is asked for; what does not fit is no verdict."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge that answers: the name it goes by in reports, and its backend."""

    name: str
    backend: Backend


def open_judge(ref: str) -> Judge:
    """The judge at `http(s)://HOST/v1#NAME`. Raises `BadInput` or `ModelError` if it cannot be asked."""
    if not ref.startswith(("http://", "https://")):
        raise BadInput(f"A judge is a model behind a server, such as http://HOST:8000/v1#NAME, not {ref}.")
    return Judge(ref, open_backend(find_model(ref), ImageStore(Path("images"))))  # judges see no pictures


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to be judged: `key` is what its opinion is kept under, `id` and `index` name the response."""

    key: str
    id: str
    index: int
    messages: list[Message]


def ask_questions(
    judge: Judge, folder: Path, version: str, questions: Iterable[Question], progress: Progress, **about: Any
) -> list[str]:
    """Asks what the record in `folder` does not hold, and returns in words what was not answered.

    `version` is that of the questions' words; `about` goes into judge.json. For the one who holds the folder's lock.
    """

    def judging(_: str, count: int, total: int) -> None:
        progress("judge", count, total)

    requests = {
        one.key: Request(one.key, one.id, judge.backend.render(one.messages), (), _SAMPLING, one.index)
        for one in questions
    }
    log = CompletionLog(folder / "judgements.jsonl")
    asked = generate(judge.backend, list(requests.values()), log, judging)
    known = {"model": judge.name, "fingerprint": judge.backend.fingerprint, "prompt": version, **about}
    storage.write_json(folder / "judge.json", known)
    replies = (log[key].text for key in requests if key in log)
    unclear = [text for text in replies if parse_opinion(text) is None]
    notes = list(log.notes)
    if asked.failures:
        reason = next(iter(asked.failures.values()))
        notes.append(f"{len(asked.failures)} responses have no verdict of the judge, first reason: {reason}")
    if unclear:
        notes.append(f"{len(unclear)} replies of the judge are neither Yes nor No, first: {unclear[0][:60]!r}")
    return notes


@dataclass(frozen=True, slots=True)
class Record:
    """What a judge said: `about` is judge.json, `opinions` are by key, None where the reply was no verdict."""

    about: Mapping[str, Any]
    opinions: Mapping[str, bool | None]

    @property
    def fingerprint(self) -> str:
        """Of the judge."""
        return str(self.about["fingerprint"])


def make_record(folder: Path, version: str) -> Record | None:
    """The record kept in a folder; None if no judge was ever asked in the words of `version`. Raises `BadInput`."""
    path = folder / "judge.json"
    if not path.is_file():
        return None
    about = storage.read_json(path)
    if not isinstance(about, dict) or not {"model", "fingerprint", "prompt"} <= about.keys():
        raise BadInput(f"{path} is not what mmk12 writes. Delete it, or ask again with --judge.")
    if about["prompt"] != version:
        return None
    replies = CompletionLog(folder / "judgements.jsonl")
    return Record(about, {key: parse_opinion(reply.text) for key, reply in replies.items()})
