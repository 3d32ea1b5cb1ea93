"""Asks a language model as a judge, and keeps its opinions: an optional second opinion on what the rules decided.

The judge is a model behind the openai backend, so concurrency, retries and failures are those of that backend. Every
reply is stored as it comes; after a kill the same command asks only for what is missing. Two files of a folder are the
record: judge.json names the judge, judgements.jsonl holds its replies, append-only like completions.jsonl.

The material to be judged is untrusted: control tokens in it are broken up, and a mark made of its hash encloses it.
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

_CONTROL = re.compile(r"<(?=[A-Za-z/|_])|\[(?=/?[A-Z_]+\])")
"""The start of `<|im_end|>`, `</s>`, `<image>` or `[INST]`. A space after it changes no mathematics."""
_WORDS = {"yes": True, "no": False}


def build_messages(system: str, user: str, material: Mapping[str, str]) -> list[Message]:
    """Returns the chat in which `material[name]` replaces `{name}` in `user`, and a hash of the material `{mark}`."""
    mark = hash_request(list(material.values()))[:16]
    parts = {"mark": mark, **{name: _CONTROL.sub(r"\g<0> ", text) for name, text in material.items()}}
    # One pass, and not str.format: the material is full of braces, and may hold "{mark}".
    return [Message("system", system), Message("user", re.sub(r"\{(\w+)\}", lambda slot: parts[slot[1]], user))]


def hash_request(parts: Sequence[str | None]) -> str:
    """Returns the key of an opinion: the sha256 of everything that decides it, in hexadecimal."""
    return hashlib.sha256(to_json(list(parts)).encode("utf-8", "replace")).hexdigest()


def parse_opinion(reply: str) -> bool | None:
    """Returns True for "yes", False for "no", and None for any other reply."""
    return _WORDS.get(reply.strip().removesuffix(".").lower())


_SAMPLING = Sampling(temperature=0.0, max_tokens=8)
"""The judge is asked for one word; a longer reply is cut, and is no verdict."""


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge that can be asked: its name in reports, and its backend."""

    name: str
    backend: Backend


def open_judge(ref: str) -> Judge:
    """Opens the judge at `http(s)://HOST/v1#NAME`. Raises `BadInput` or `ModelError` if it cannot be used."""
    if not ref.startswith(("http://", "https://")):
        raise BadInput(f"A judge is a model behind a server, such as http://HOST:8000/v1#NAME, not {ref}.")
    return Judge(ref, open_backend(find_model(ref), ImageStore(Path("images"))))  # judges see no images


@dataclass(frozen=True, slots=True)
class Question:
    """A question to the judge: `key` is that of its opinion, `id` and `index` name the response that is judged."""

    key: str
    id: str
    index: int
    messages: list[Message]


def ask_questions(
    judge: Judge, folder: Path, version: str, questions: Iterable[Question], progress: Progress, **about: Any
) -> list[str]:
    """Asks the questions that the record in `folder` does not answer yet, and returns notes about failures.

    `version` is that of the wording of the questions; `about` goes into judge.json. The caller holds the folder's lock.
    """

    def judging(_: str, count: int, total: int) -> None:
        progress("judge", count, total)

    requests = {
        one.key: Request(one.key, one.id, judge.backend.render(one.messages), (), _SAMPLING, one.index)
        for one in questions
    }
    log = CompletionLog(folder / "judgements.jsonl")
    result = generate(judge.backend, list(requests.values()), log, judging)
    record = {"model": judge.name, "fingerprint": judge.backend.fingerprint, "prompt": version, **about}
    storage.write_json(folder / "judge.json", record)
    replies = (log[key].text for key in requests if key in log)
    unclear = [text for text in replies if parse_opinion(text) is None]
    notes = list(log.notes)
    if result.failures:
        reason = next(iter(result.failures.values()))
        notes.append(f"{len(result.failures)} responses have no verdict of the judge, first reason: {reason}")
    if unclear:
        notes.append(f"{len(unclear)} replies of the judge are neither Yes nor No, first: {unclear[0][:60]!r}")
    return notes


@dataclass(frozen=True, slots=True)
class Record:
    """The opinions of a judge: `about` is judge.json, `opinions` are by key, None where the reply was no verdict."""

    about: Mapping[str, Any]
    opinions: Mapping[str, bool | None]

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the judge."""
        return str(self.about["fingerprint"])


def make_record(folder: Path, version: str) -> Record | None:
    """Reads the record in a folder; None if no judge was asked with the wording `version`. Raises `BadInput`."""
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
