"""The record of all that a response is graded against: the gold, and the caller's other arguments.

One place lists these fields. Rows of files, of the worker pool and of verl's parquet hold them under the names in
`FIELDS`; everything that passes them on reads and writes them here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, TypeVar

from rapidfuzz.distance import OSA

from mmk12.errors import BadInput, UnknownName
from mmk12.types import ANSWER_TYPES, Gold
from mmk12.verifier.nodes import frozen
from mmk12.verifier.units import UNITS

MAX_PRECISION = 100
"""Most decimals that can be asked for."""
_FIELD_TYPES: Mapping[str, tuple[str, type | tuple[type, ...]]] = MappingProxyType(
    {
        "gold": ("a text", str),
        "question": ("a text", str),
        "choices": ("a list of texts", list),
        "answer_type": ("a text", str),
        "precision": (f"a whole number from 0 to {MAX_PRECISION}", (int, float)),
        "tolerance": ("a number that is not negative", (int, float)),
    }
)
"""What a JSON row may hold under each name, in words and as types."""

_MAX_TYPO_EDITS = 2
"""Edits (insert, delete, replace, swap) up to which a word is a misspelling of another; short words have fewer."""

FIELDS = tuple(_FIELD_TYPES)
"""The names under which a row holds a spec."""


@frozen
class GradingSpec:
    """A gold, its options and the other arguments of `verify`, in one record.

    `answer_type` is what the gold is declared to be; `choices` are the option texts, A first; `precision` counts
    decimals; `tolerance` is the largest absolute error that is allowed; `unit` is a unit name that belongs to the
    gold. Raises `UnknownName` for an `answer_type` that is none of `ANSWER_TYPES`, and `BadInput` for a `precision` or
    `tolerance` that is nonsense.
    """

    gold: str
    answer_type: str = "auto"
    choices: tuple[str, ...] = ()
    precision: int | None = None
    tolerance: float | None = None
    unit: str | None = None
    question: str | None = None

    def __post_init__(self) -> None:
        if self.answer_type != "auto" and self.answer_type not in ANSWER_TYPES:
            raise UnknownName("answer_type", str(self.answer_type), ANSWER_TYPES)
        refuse_nonsense(self.precision, self.tolerance)

    @property
    def reference(self) -> str:
        """The text of the gold, with its unit if the verifier knows that unit."""
        return f"{self.gold} {self.unit}" if self.unit is not None and self.unit in UNITS else self.gold

    @property
    def largest_error(self) -> Decimal | None:
        """The largest absolute error: the tolerance, or half a unit of the last decimal that counts."""
        if self.tolerance is not None:
            return Decimal(str(self.tolerance))
        return Decimal(10) ** -self.precision / 2 if self.precision is not None else None

    @classmethod
    def from_gold(
        cls,
        gold: Gold,
        question: str | None = None,
        *,
        choices: Sequence[str] | None = None,
        answer_type: str = "auto",
        precision: int | None = None,
        tolerance: float | None = None,
    ) -> GradingSpec:
        """Returns the spec of `gold`; an argument that is given wins over what the gold says."""
        if answer_type == "auto" and gold.kind != "math":
            answer_type = gold.kind
        return cls(
            gold.text,
            answer_type,
            gold.choices if choices is None else tuple(choices),
            gold.precision if precision is None else precision,
            gold.tolerance if tolerance is None else tolerance,
            gold.unit,
            question,
        )

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> GradingSpec:
        """Reads the spec in `row`: `gold` (a text or a `Gold`) and those of `FIELDS` that it has and that are not null.

        A `unit` beside a gold that is a text is read as well. Numbers are accepted where text is expected, as many JSON
        files have them; arrays count as lists and NaN as null, as tables have them. Raises `KeyError` without a gold,
        `UnknownName` for the answer type, and `BadInput` for a precision or tolerance that is no number or is nonsense.
        """
        gold, choices = row["gold"], _to_plain(row.get("choices"))
        precision, tolerance = _to_plain(row.get("precision")), _to_plain(row.get("tolerance"))
        options = tuple(map(to_text, choices)) if choices else None
        answer_type = _to_plain(row.get("answer_type")) or "auto"
        digits = _read_number("precision", precision, int)
        margin = _read_number("tolerance", tolerance, float)
        question = _to_plain(row.get("question"))
        if isinstance(gold, Gold):
            return cls.from_gold(
                gold, question, choices=options, answer_type=answer_type, precision=digits, tolerance=margin
            )
        unit = _to_plain(row.get("unit"))
        return cls(to_text(gold), answer_type, options or (), digits, margin, unit, question)

    def to_row(self) -> dict[str, Any]:
        """Returns the spec under the names of `FIELDS`, as JSON and parquet hold it; the unit is part of the gold."""
        return {
            "gold": self.reference,
            "question": self.question,
            "choices": list(self.choices) or None,
            "answer_type": self.answer_type,
            "precision": self.precision,
            "tolerance": self.tolerance,
        }


Number = TypeVar("Number", int, float)


def _read_number(name: str, value: Any, kind: type[Number]) -> Number | None:
    """Returns the field `name` as a number, also from a text. Raises `BadInput` if it is none."""
    if value is None:
        return None
    try:
        number = kind(value)
    except (OverflowError, TypeError, ValueError):
        raise _complain(name, value) from None
    if isinstance(value, bool) or (isinstance(value, float) and number != value):
        raise _complain(name, value)
    return number


def _complain(name: str, value: object) -> BadInput:
    return BadInput(f"`{name}` must be {_FIELD_TYPES[name][0]}; it is {value!r:.60}.")


def refuse_nonsense(precision: float | None, tolerance: float | None) -> None:
    """Raises `BadInput`, which names the field, for a number of decimals or an error that cannot be meant."""
    if precision is not None and not (
        isinstance(precision, int) and not isinstance(precision, bool) and 0 <= precision <= MAX_PRECISION
    ):
        raise _complain("precision", precision)
    if tolerance is not None and (isinstance(tolerance, bool) or not 0 <= tolerance < float("inf")):
        raise _complain("tolerance", tolerance)


def find_row_fault(row: Mapping[str, Any]) -> str | None:
    """Returns what is wrong with the row of a file, or None if it can be graded.

    `response` and `gold` must be texts; the other fields may be missing or null. A foreign answer type is no fault.
    """
    for name, (description, types) in (("response", ("a text", str)), *_FIELD_TYPES.items()):
        value = row.get(name)
        if value is None and name not in ("response", "gold"):
            continue
        if not isinstance(value, types) or isinstance(value, bool) or not _is_plain(name, value):
            content = json.dumps(value, ensure_ascii=False)[:60] if name in row else "missing"
            return f"`{name}` must be {description}; it is {content}."
    answer_type = row.get("answer_type")
    if answer_type and answer_type not in ANSWER_TYPES and not is_foreign_type(answer_type):
        return str(UnknownName("answer_type", answer_type, ANSWER_TYPES))
    return None


def is_foreign_type(answer_type: str) -> bool:
    """Returns whether a dataset's own label stands where an answer type is expected, such as `letter` or `integer`.

    A label that is two edits or fewer away from one of our words, or one edit if it has at most five letters, is a
    misspelling of that word and not foreign.
    """
    edits = min(_MAX_TYPO_EDITS, len(answer_type) // 3)
    return all(OSA.distance(answer_type.lower(), known) > edits for known in ANSWER_TYPES)


def _is_plain(name: str, value: object) -> bool:
    """Whether a list holds texts (or numbers that stand for them), and a number is one that its field allows."""
    if name == "tolerance":
        return isinstance(value, int | float) and 0 <= value < float("inf")
    if name == "precision" and isinstance(value, int | float) and not 0 <= value <= MAX_PRECISION:
        return False
    if isinstance(value, list):
        return all(isinstance(item, str | int | float) for item in value)
    return not isinstance(value, float) or value.is_integer()


def _to_plain(value: Any) -> Any:
    """Returns an array or a scalar of numpy as Python's own, and NaN, pandas' missing value, as None."""
    plain = value.tolist() if hasattr(value, "tolist") else value
    return None if isinstance(plain, float) and math.isnan(plain) else plain


def to_text(value: object) -> str:
    """Returns `value` as text: JSON files hold numbers and nulls where text is meant."""
    return "" if value is None else str(value)
