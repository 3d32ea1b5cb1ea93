"""Results of OpenAI's batch service: JSONL of `custom_id` and the `response` of the chat or responses endpoint.

Upstream: platform.openai.com/docs/api-reference/batch/request-output.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmk12.formats.data_file import DataFile, Row, take_text
from mmk12.formats.responses._format import ResponseFormat


def _recognize(file: DataFile) -> bool:
    return file.has("custom_id") and bool(file.columns & {"response", "error"})


def _convert(row: Row) -> Iterator[Row]:
    body = _take(_take(row.get("response")).get("body"))
    usage = _take(body.get("usage"))
    told = {
        "id": take_text(row.get("custom_id")),
        "prompt_tokens": usage.get("prompt_tokens", usage.get("input_tokens")),
        "completion_tokens": usage.get("completion_tokens", usage.get("output_tokens")),
    }
    choices = [choice for choice in body.get("choices") or () if isinstance(choice, dict)]
    if not choices:
        outputs = [item for item in body.get("output") or () if _take(item).get("type") == "message"]
        finish = "length" if body.get("status") == "incomplete" else None
        yield {**told, "response": take_text(outputs), "finish_reason": finish}
    for number, choice in enumerate(choices):
        yield {
            **told,
            "response": take_text(_take(choice.get("message")).get("content")),
            "finish_reason": "length" if choice.get("finish_reason") == "length" else None,
            "index": number if len(choices) > 1 else None,
        }


def _take(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


format = ResponseFormat(
    "openai_batch", "results of an OpenAI batch", "JSONL with `custom_id` and `response`", _recognize, _convert
)
