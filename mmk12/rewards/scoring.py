"""What every caller's reward is made of: the columns it hands over, end marks cut, our verdict and what it earns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from mmk12.errors import BadInput
from mmk12.types import Verdict
from mmk12.verifier.api import verify_row
from mmk12.verifier.marks import cut_end_marks
from mmk12.verifier.reward import earn
from mmk12.verifier.spec import FIELDS

TRAINING_PROFILE = "paper_instruct"
"""What a trainer pays where neither its data nor its configuration names a profile: accuracy + 0.5 · format."""

GOLD_COLUMNS = ("gold", "ground_truth", "solution", "answer")
"""Names of the column with the reference answer: ours, verl's, ms-swift's and TRL's, EasyR1's. The first wins."""

PROFILE_COLUMN = "profile"
_TOLD = (*(name for name in FIELDS if name != "gold"), "unit")


class Payment(NamedTuple):
    """The verdict of a response, and what it earns: `score`, `acc`, `format`, penalties and `status_…`, all floats."""

    verdict: Verdict
    fields: dict[str, float]


def pay(
    response: str, columns: Mapping[str, Any], *, profile: str | None = None, finish_reason: str | None = None
) -> Payment:
    """Grades a response against the gold in `columns` and returns the verdict with its reward.

    `columns` holds the gold under one of `GOLD_COLUMNS`, and those of question, choices, answer_type, precision,
    tolerance, unit and profile that the data has; arrays count as lists, NaN as nothing. `profile` wins over the
    column. A `finish_reason` of "length" means that the response was cut. Raises `BadInput` without a gold, and what
    `verify` raises for a profile or answer type.
    """
    text = cut_end_marks(response)
    told = {name: columns[name] for name in _TOLD if columns.get(name) is not None}
    row = {**told, "response": text, "gold": find_gold(columns), "finish_reason": finish_reason}
    verdict = verify_row(row, profile or columns.get(PROFILE_COLUMN) or TRAINING_PROFILE)
    return Payment(verdict, earn(verdict, text))


def find_gold(columns: Mapping[str, Any]) -> Any:
    """Returns the reference answer of a row. Raises `BadInput` that names the columns there are."""
    for name in GOLD_COLUMNS:
        if columns.get(name) is not None:
            return columns[name]
    raise BadInput(
        f"A reward needs the reference answer in a column {', '.join(GOLD_COLUMNS[:-1])} or {GOLD_COLUMNS[-1]}; "
        f"there are only {', '.join(sorted(columns)) or 'none'}. `mmk12 export` writes it."
    )


def split_columns(columns: Mapping[str, Any], count: int) -> Iterator[dict[str, Any]]:
    """Yields the row of each of `count` texts from a batch's columns; what is no list of that length is left out."""
    names = (*GOLD_COLUMNS, *_TOLD, PROFILE_COLUMN)
    batch = {name: columns[name] for name in names if name in columns and _is_batch(columns[name], count)}
    for at in range(count):
        yield {name: values[at] for name, values in batch.items()}


def _is_batch(value: Any, count: int) -> bool:
    return not isinstance(value, str) and hasattr(value, "__len__") and len(value) == count


def to_response(completion: str | Sequence[Mapping[str, Any]]) -> str:
    """Returns the text of a completion, which is a text or the messages of a conversation (its last one counts).

    Content in parts (`[{type: text, text: …}]`) is joined.
    """
    if isinstance(completion, str):
        return completion
    content = completion[-1]["content"] if completion else ""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text") or "") for part in content or ())


# Trainers that pass on the reference answer alone get everything else inside it.


def write_label(columns: Mapping[str, Any]) -> str:
    """Returns the columns that `pay` takes as one text, for trainers that pass on nothing but the reference answer."""
    kept = {name: columns[name] for name in ("gold", *_TOLD, PROFILE_COLUMN) if columns.get(name) is not None}
    return json.dumps(kept, ensure_ascii=False)


def read_label(label: Any) -> dict[str, Any]:
    """Returns the columns in a label of `write_label`; any other text is the reference answer itself."""
    if isinstance(label, str) and label.startswith("{"):
        try:
            found = json.loads(label)
        except ValueError:
            found = None
        if isinstance(found, dict) and isinstance(found.get("gold"), str):
            return found
    return {"gold": label}
