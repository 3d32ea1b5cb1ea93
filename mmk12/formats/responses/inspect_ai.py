"""Logs of inspect_ai: `.eval`, a zip with a JSON file per sample, and `.json`, one document.

Texts that a log holds more than once stand in the `attachments` of a sample and are named where they belong.
Upstream: UKGovernmentBEIS/inspect_ai, src/inspect_ai/log/_log.py and log/_condense.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mmk12.errors import BadInput, first_line
from mmk12.formats.data_file import DataFile, Row, take_text
from mmk12.formats.responses._format import ResponseFormat, parse_list
from mmk12.utils import archives

_ATTACHMENTS = ("attachment://", "tc://")


def _recognize(file: DataFile) -> bool:
    if file.container == "zip":
        return any(
            name == "header.json" or name.startswith("_journal/") for name in archives.open_archive(file.path).names()
        )
    return isinstance(file.document, dict) and {"eval", "samples"} <= set(file.document)


def _read(file: DataFile) -> Iterator[tuple[str, Row]]:
    if file.container == "JSON":
        samples = file.document["samples"] or []
        yield from ((f"{file.path}, sample {number}", row) for number, row in enumerate(samples, 1))
        return
    archive = archives.open_archive(file.path)
    for name in archive.names():
        if name.startswith("samples/") and name.endswith(".json"):
            where = f"{file.path}, {name}"
            try:
                yield where, json.loads(archive.read(name))
            except (ValueError, RecursionError) as error:
                raise BadInput(f"{where} is not valid JSON: {first_line(error)}.") from None


def _convert(row: Row) -> Iterator[Row]:
    held, output = ((row.get(name) or {}) for name in ("attachments", "output"))
    choice: Any = next(iter(output.get("choices") or ()), {})
    usage, target, epoch = output.get("usage") or {}, row.get("target"), row.get("epoch")
    yield {
        "id": take_text(row.get("id")),
        "index": epoch - 1 if isinstance(epoch, int) and epoch > 0 else None,
        "response": _resolve(take_text(choice.get("message")), held),
        "gold": _resolve(take_text(target[0] if isinstance(target, list) and len(target) == 1 else target), held),
        "question": _resolve(take_text(row.get("input")), held),
        "choices": parse_list(row.get("choices")),
        "finish_reason": "length" if choice.get("stop_reason") in ("max_tokens", "model_length") else None,
        "prompt_tokens": usage.get("input_tokens"),
        "completion_tokens": usage.get("output_tokens"),
    }


def _resolve(text: str | None, held: dict[str, Any]) -> str | None:
    """Returns the text that an attachment name stands for; other texts as they are."""
    prefix = next((prefix for prefix in _ATTACHMENTS if text is not None and text.startswith(prefix)), None)
    found = held.get(text.removeprefix(prefix)) if text is not None and prefix is not None else None
    return found if isinstance(found, str) else text


format = ResponseFormat("inspect_ai", "a log of inspect_ai", ".eval or .json", _recognize, _convert, _read)
