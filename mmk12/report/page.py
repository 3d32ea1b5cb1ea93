"""What report.html carries of a run: one entry per judged completion, and its pictures.

Every word of a model or a dataset travels as JSON inside a data element and is shown as text, never as markup.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmk12.report.highlight import marked
from mmk12.report.thumbnails import thumbnails
from mmk12.run import Item, Run
from mmk12.types import Completion, Dropped

_COPIED = ("id", "index", "benchmark", "status", "answer", "rule", "reason", "groups", "finish_reason")
_UNSAFE = re.compile("[<>&\u2028\u2029]")


def entries(
    items: Sequence[Item], rows: Sequence[Mapping[str, Any]], completions: Mapping[str, Completion]
) -> list[dict[str, Any]]:
    """The entries of the page, one per row of verdicts.jsonl, in its order."""
    remaining = iter(rows)
    return [_entry(item, next(remaining), completions.get(key)) for item in items for key in (item.keys or ("",))]


def _entry(item: Item, row: Mapping[str, Any], completion: Completion | None) -> dict[str, Any]:
    entry = {name: row[name] for name in _COPIED}
    if row.get("official") is not None:
        entry["official"] = row["official"]
    if "judge" in row:  # null is an opinion too: that there is none
        entry["judge"] = row["judge"]
    entry["format"] = row["format_ok"]
    entry["tokens"] = row["completion_tokens"]
    entry["response"] = marked(completion.text, row["answer"]) if completion else []
    if not isinstance(item.sample, Dropped):
        gold = item.sample.gold
        entry |= {"question": item.sample.question, "gold": gold.text, "choices": gold.choices}
        entry["images"] = [image.sha256 for image in item.sample.images]
    return entry


def pictures(run: Run, items: Sequence[Item]) -> Iterator[tuple[str, str]]:
    """(sha256, base64 of a WebP file) of each picture once."""
    images = (image for item in items if not isinstance(item.sample, Dropped) for image in item.sample.images)
    for name, data in thumbnails(run.images, run.folder / "thumbnails", images):
        yield name, base64.b64encode(data).decode("ascii")


def script_safe(value: Any) -> str:
    """JSON that cannot end the script element it stands in, whatever strings it holds."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
