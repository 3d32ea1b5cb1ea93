"""Reads question, answer, images and options out of rows by the names of their columns, whatever shape they have.

Training sets of reasoning models agree on what a row holds, not on how: a question is a text or the last user turn of
a conversation; an image is bytes, a path or a struct of both, alone or in a list; an answer is printed alone, inside
`<answer>` tags, or in the box of a solution. These shapes are recognised; a row of any other one raises `ValueError`,
`TypeError` or `KeyError`, or `SkipRow` where it is sound and yields no question.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from mmk12.datasets.declarations import SkipRow
from mmk12.datasets.golds import LETTERS, choice_gold, is_checkable, remove_spaces, to_latex, wrap_in_dollars
from mmk12.datasets.options import find_options
from mmk12.types import IMAGE_MARK, Gold, Row
from mmk12.utils.config import FrozenModel
from mmk12.verifier import classify_gold
from mmk12.verifier.boxes import find_last_boxed

Names = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=500, strict=True)], ...],
    BeforeValidator(lambda value: (value,) if isinstance(value, str) else () if value is None else value),
]
"""A name, or a list of them in order of preference."""

MAX_BOXES = 8
"""The number of boxes of a solution that are compared."""
_MAX_NESTING = 4
"""How deep images may lie in lists."""
_USER, _ASSISTANT = ("user", "human"), ("assistant", "gpt")


class Columns(FrozenModel):
    """The columns of a row. Of several names, the first that a row has, and not null, is read.

    A name with dots leads into structs (`reward_model.ground_truth`), also into a text that holds a JSON object.
    `origin` is the name of the dataset that a row comes from, by which template sources are known.
    """

    question: Annotated[Names, Field(min_length=1)]
    answer: Names = ()
    images: Names = ()
    choices: Names = ()
    id: Names = ()
    origin: Names = ()


def pick(row: Row, names: Sequence[str], required: bool = True) -> Any:
    """Returns the value of the first of `names` that a row has, and not null; None if there is none.

    Raises `KeyError` if the row has none of these columns and one is `required`.
    """
    there = False
    for name in names:
        found, value = _look_up(row, name)
        if value is not None:
            return value
        there = there or found
    if names and required and not there:
        raise KeyError(" or ".join(names))
    return None


def _look_up(row: Row, name: str) -> tuple[bool, Any]:
    """Returns whether a row has a column, and its value."""
    if name in row or "." not in name:
        return name in row, row.get(name)
    value: Any = row
    for part in name.split("."):
        if isinstance(value, str) and value.startswith("{"):
            value = _parse_json(value)
        if not isinstance(value, Mapping) or part not in value:
            return False, None
        value = value[part]
    return True, value


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("a text of JSON that is nested too deeply") from None


def read_question(value: Any, strip: Sequence[str] = ()) -> str:
    """Returns the text of a question without the texts of `strip`: the value, or the last user turn in it."""
    text = _turn(value, _USER) if isinstance(value, list) else value
    if not isinstance(text, str):
        raise TypeError(f"the question is of type {type(text).__name__}, not a text")
    for part in strip:
        text = text.replace(part, "")
    return text.strip()


def _turn(messages: list[Any], roles: tuple[str, ...]) -> str:
    """Returns the text of the last message of one of these roles; its images become marks."""
    for message in reversed(messages):
        if message.get("role", message.get("from")) in roles:
            content = message.get("content", message.get("value"))
            return content if isinstance(content, str) else "".join(map(_part, content))
    raise ValueError(f"the conversation has no turn of {' or '.join(roles)}")


def _part(part: Mapping[str, Any]) -> str:
    """Returns one part of a message as text. A struct has the keys of the other kinds, too, as null."""
    return IMAGE_MARK if part["type"] in ("image", "image_url") else str(part.get("text") or "")


def read_images(value: Any) -> list[str | bytes]:
    """Returns the images of a row in order, each as encoded bytes or as a path. None and empty lists hold none."""
    return list(_flatten(value, 0))


def _flatten(value: Any, depth: int) -> Iterator[str | bytes]:
    if value is None and depth == 0:
        return
    if isinstance(value, list) and depth < _MAX_NESTING:
        for part in value:
            yield from _flatten(part, depth + 1)
    elif isinstance(value, str | bytes):
        yield value
    elif isinstance(value, Mapping) and isinstance(value.get("bytes"), bytes):
        yield value["bytes"]
    elif isinstance(value, Mapping) and isinstance(value.get("path"), str):
        yield value["path"]
    elif value is None or (isinstance(value, Mapping) and {"bytes", "path"} & value.keys()):
        raise SkipRow("an image is missing")
    else:
        raise TypeError(f"an image is of type {type(value).__name__}, neither bytes nor a path")


def read_answer(value: Any) -> str:
    r"""Returns the answer in a column: a number or a text, what `<answer>` tags hold, or the box of a solution.

    Raises `SkipRow` for no answer, and for several that differ: a question with two answers cannot be graded.
    """
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        value = _turn(value, _ASSISTANT)
    if isinstance(value, list):
        if len({str(one) for one in value}) > 1:
            raise SkipRow("several answers", " | ".join(map(str, value))[:200])
        value = value[0] if value else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if value is None or value == "":
        raise SkipRow("no answer")
    if not isinstance(value, str):
        raise TypeError(f"the answer is of type {type(value).__name__}, not a text")
    if "<answer>" in value:
        value = value.rpartition("<answer>")[2].partition("</answer>")[0]
    boxes = _boxes(value)
    if len(boxes) > 1:
        raise SkipRow("several boxed answers", " | ".join(boxes)[:200])
    answer = boxes[0] if boxes else value.strip()
    if not answer:
        raise SkipRow("no answer")
    return answer


def _boxes(text: str) -> list[str]:
    """Returns the different contents of the last boxes of a text, in their order."""
    boxes: dict[str, None] = {}
    for _ in range(MAX_BOXES):
        box = find_last_boxed(text)
        if box is None:
            break
        boxes[box] = None
        text = text.rpartition(r"\boxed")[0] if r"\boxed" in text else ""
    return list(reversed(boxes))


def read_choices(value: Any) -> list[str]:
    """Returns the options of a row, A first: a list of texts, or a struct or JSON text of letters and texts."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        value = _parse_json(value)
    if isinstance(value, Mapping):
        value = [value[letter] for letter in LETTERS if value.get(letter) is not None]
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(option, str | int | float) for option in value):
        raise TypeError("the options are not a list of texts")
    return [str(option) for option in value]


def make_gold(question: str, answer: str, options: Sequence[str]) -> tuple[str, Gold]:
    """Returns the question, with its options where they must be shown, and the gold.

    Of a question with `options`, the answer is the letter or the text of one. Raises `ValueError` if it is neither.
    """
    if options:
        return choice_gold(question, options, _find_option(answer, options))
    kind = classify_gold(answer).type
    if kind == "letter":
        return question, Gold(answer, kind="choice", choices=find_options(question))
    if is_checkable(Gold(answer)) and not answer.replace(".", "", 1).isdecimal():
        return question, Gold(wrap_in_dollars(remove_spaces(to_latex(answer))))
    return question, Gold(answer)


def _find_option(answer: str, options: Sequence[str]) -> int:
    """Returns the index of the option that an answer names by its text or its letter."""
    texts = [text.strip() for text in options]
    if answer.strip() in texts:
        return texts.index(answer.strip())
    letter = answer.strip(" ().:")
    if len(letter) == 1 and letter in LETTERS[: len(texts)]:
        return LETTERS.index(letter)
    raise ValueError(f"the answer '{answer[:80]}' is neither an option nor the letter of one")
