"""Joins saved answers with the items that they answer, and refuses what would be graded against another question.

An answer names its item by an id, or by the number of its row. An id is taken at its word as long as the golds of the
file do not contradict it; a row number is taken only where the gold or the question of the file is that of the item.
Rows may be counted in the benchmark that is evaluated or in the release that it is a part of; the counting under which
most golds and questions agree is taken.
Nothing is dropped silently: what belongs to no item is counted, and no match at all is an error.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mmk12.errors import BadInput
from mmk12.types import IMAGE_MARK, DroppedSample, Sample, SavedAnswer
from mmk12.verifier import verify

AnswerKey = tuple[str, int]
"""The id of a sample, and the index of the answer among those to the same item."""
Items = Sequence[Sample | DroppedSample]

_MOST_OTHERS = {"row": 0.05, "id": 0.5}
"""The largest share of answers whose gold is not that of the item. Row numbers are weak evidence, but a benchmark file
corrects some golds of the release; ids are strong evidence, and other files often spell golds in another way."""
_PROBED = 1000
"""Answers by which the counting of rows is recognized."""
_SHORTEST_QUESTION = 12
"""Characters of a question that may be recognised inside a longer one."""


@dataclass(frozen=True, slots=True)
class JoinedAnswers:
    """The answers by item and index, and notes about what was left out."""

    answers: Mapping[AnswerKey, SavedAnswer]
    notes: tuple[str, ...]


def join_answers(answers: Sequence[SavedAnswer], items: Items, n: int, where: str) -> JoinedAnswers:
    """Joins saved answers with the items of the benchmarks that are evaluated.

    Args:
        answers: The answers, in the order of their file.
        items: The items in benchmark order; those that cannot be used count as rows, too.
        n: The number of answers per item that are wanted. Above 1, answers to one item that have no index are its
            samples, in the order of the file.
        where: The name of the file, for messages.

    Raises:
        BadInput: There is no answer, or none belongs to an item; two answers claim the same place, an id fits items of
            two benchmarks, or the golds of the file are not those of the items.
    """
    if not answers:
        raise BadInput(f"{where} holds no saved answer.")
    finder = _ItemFinder(items, answers, where)
    found = {number: item for number, answer in enumerate(answers) if (item := finder.find(number, answer)) is not None}
    finder.refuse_other_questions(answers)
    _refuse_shifted_ids(answers, items, bool(found), where)
    if not found:
        raise BadInput(_say_no_match(answers[0], items, where))
    return _keep_wanted(_number_samples(found, answers, n, where), answers, len(answers) - len(found), found, n)


@dataclass(slots=True)
class _Compared:
    """How many answers of a kind were checked by their gold or question, and which of them are to other questions."""

    checked: int = 0
    others: list[tuple[int, str]] = field(default_factory=list)


class _ItemFinder:
    """Finds the item of an answer, and remembers how often the golds of the file are those of the items."""

    def __init__(self, items: Items, answers: Sequence[SavedAnswer], where: str) -> None:
        self._items = items
        self._where = where
        self._by_id = {item.id: item for item in items}
        self._by_native: dict[str, list[Sample | DroppedSample]] = defaultdict(list)
        for item in items:
            self._by_native[_native(item)].append(item)
        self._compared = {"id": _Compared(), "row": _Compared()}
        self._rows = self._choose_counting(answers)

    def find(self, number: int, answer: SavedAnswer) -> str | None:
        """Returns the id of the item of an answer, None if it belongs to none."""
        kind = "row" if answer.id is None else "id"
        item = self._find_row(answer.row) if answer.id is None else self._find_id(number, answer.id)
        if not isinstance(item, Sample):
            return None if item is None else item.id
        agrees = _agrees(answer, item)
        if agrees is None and kind == "row":
            raise BadInput(
                f"{self._where}, answer {number + 1}: a row number is accepted only beside the `gold` or `question` of "
                "the row, by which it is checked. Add one of them, or the `id` of the item."
            )
        compared = self._compared[kind]
        compared.checked += agrees is not None
        if agrees is False:
            compared.others.append((number, item.id))
        return None if agrees is False and kind == "row" else item.id

    def refuse_other_questions(self, answers: Sequence[SavedAnswer]) -> None:
        """Raises `BadInput` if too many golds or questions of the file are not those of the items."""
        for kind, compared in self._compared.items():
            if len(compared.others) > _MOST_OTHERS[kind] * compared.checked:
                number, item = compared.others[0]
                told = answers[number].gold if answers[number].gold is not None else answers[number].question
                raise BadInput(
                    f"{self._where}: {len(compared.others)} of {compared.checked} answers are to other questions than "
                    f"the items that their {kind}s lead to, first answer {number + 1}: {_shorten(told)} is not what "
                    f"{item} has. Check how the {kind}s are counted."
                )

    def _find_id(self, number: int, name: str) -> Sample | DroppedSample | None:
        exact = self._by_id.get(name)
        near = self._by_native.get(name, []) if exact is None else [exact]
        if len(near) > 1:
            raise BadInput(
                f"{self._where}, answer {number + 1}: the id '{name}' is in {near[0].source} and in {near[1].source}. "
                f"Write '{near[0].id}', or evaluate one benchmark at a time."
            )
        return near[0] if near else None

    def _find_row(self, row: int | None) -> Sample | DroppedSample | None:
        if any(item.source != self._items[0].source for item in self._items):
            raise BadInput(
                f"{self._where} names its items by row numbers, which say nothing with several benchmarks. "
                "Evaluate one at a time."
            )
        return None if row is None else self._rows.get(row)

    def _choose_counting(self, answers: Sequence[SavedAnswer]) -> Mapping[int, Sample | DroppedSample]:
        """Returns {row number: item}, under the counting in which most answers agree with their items."""
        numbers = {int(name): one[0] for name, one in self._by_native.items() if name.isascii() and name.isdecimal()}
        positions = dict(enumerate(self._items))
        countings = [positions, {number - 1: item for number, item in numbers.items()}, numbers]
        numbered = [answer for answer in answers if answer.id is None and answer.row is not None]

        def count_agreeing(counting: Mapping[int, Sample | DroppedSample]) -> int:
            pairs = ((answer, counting.get(answer.row or 0)) for answer in numbered[:_PROBED])
            return sum(isinstance(item, Sample) and _agrees(answer, item) is True for answer, item in pairs)

        return max(countings, key=count_agreeing) if numbered else positions


def _native(item: Sample | DroppedSample) -> str:
    return item.id.removeprefix(f"{item.source}/")


def _refuse_shifted_ids(answers: Sequence[SavedAnswer], items: Items, found: bool, where: str) -> None:
    """Raises `BadInput` for ids 0, 1, 2, … where items count from 1: every answer would meet the next question."""
    ids = {answer.id for answer in answers if answer.id is not None}
    native = {_native(item) for item in items}
    counted = len(ids) > 1 and ids == {str(number) for number in range(len(ids))}
    if found and counted and "0" not in native and "1" in native:
        raise BadInput(
            f"{where}: the ids run from 0 to {len(ids) - 1}, so they look like row numbers; those of {items[0].source} "
            f"start at {_native(items[0])}. Call the column `row`, and add the `gold` or `question` of each row."
        )


def _number_samples(
    found: Mapping[int, str], answers: Sequence[SavedAnswer], n: int, where: str
) -> dict[AnswerKey, int]:
    """Returns {(item, index): number of the answer}. Raises `BadInput` if two answers claim the same place."""
    by_item: dict[str, list[int]] = defaultdict(list)
    for number, item in found.items():
        by_item[item].append(number)
    places: dict[AnswerKey, int] = {}
    for item, numbers in by_item.items():
        counted = any(answers[number].index is not None for number in numbers)
        for position, number in enumerate(numbers):
            index = (answers[number].index or 0) if counted or n == 1 else position
            first = places.setdefault((item, index), number)
            if first != number:
                advice = "Remove one of them." if counted else "Remove one, or count them as samples with --n."
                raise BadInput(f"{where}: answers {first + 1} and {number + 1} are both to {item}. {advice}")
    return places


def _keep_wanted(
    places: Mapping[AnswerKey, int],
    answers: Sequence[SavedAnswer],
    lost: int,
    found: Mapping[int, str],
    n: int,
) -> JoinedAnswers:
    """Returns the first `n` answers of each item, with a note for each reason why others were left out."""
    notes = []
    if lost:
        first = next(answer for number, answer in enumerate(answers) if number not in found)
        notes.append(
            f"{lost:,} of {len(answers):,} saved answers belong to no item that was asked, first {_describe(first)}"
        )
    more = sum(index >= n for _, index in places)
    if more:
        notes.append(f"{more:,} saved answers are further samples of their items; --n counts them")
    wanted = {place: answers[number] for place, number in places.items() if place[1] < n}
    return JoinedAnswers(wanted, tuple(notes))


def _say_no_match(answer: SavedAnswer, items: Items, where: str) -> str:
    names = ", ".join(dict.fromkeys(item.source for item in items))
    first = f"; the first item of {items[0].source} is '{_native(items[0])}'" if items else ""
    return f"No answer in {where} belongs to an item of {names}: its first is {_describe(answer)}{first}."


def _describe(answer: SavedAnswer) -> str:
    return f"row {answer.row}" if answer.id is None else _shorten(answer.id)


def _agrees(answer: SavedAnswer, item: Sample) -> bool | None:
    """Returns whether the gold or question in the file is that of the item; None if the file has neither."""
    if answer.question is not None and _is_same_question(answer.question, item.question):
        return True
    if answer.gold is not None:
        return _is_same_gold(answer.gold, item)
    return None if answer.question is None else False


def _is_same_question(theirs: str, ours: str) -> bool:
    """Returns whether two questions are the same up to white space, or one stands inside the other."""
    a, b = (_squeeze(re.sub(r"<image[ _]?\d*>", "", text.replace(IMAGE_MARK, ""))) for text in (theirs, ours))
    if a == b:
        return bool(a)
    return (len(a) >= _SHORTEST_QUESTION and a in b) or (len(b) >= _SHORTEST_QUESTION and b in a)


def _is_same_gold(theirs: str, item: Sample) -> bool:
    gold, squeezed = item.gold, _squeeze(theirs)
    if not squeezed:
        return False
    told = {_squeeze(text) for text in (gold.text, gold.released) if text is not None}
    letter = gold.text.strip()
    if len(letter) == 1 and 0 <= ord(letter) - ord("A") < len(gold.choices):
        told.add(_squeeze(gold.choices[ord(letter) - ord("A")]))
    return squeezed in told or verify(f"<answer>{theirs}</answer>", gold, question=item.question).correct


def _squeeze(text: str) -> str:
    return "".join(text.split()).casefold()


def _shorten(text: object) -> str:
    shown = " ".join(str(text).split())
    return f"'{shown if len(shown) <= 60 else shown[:57] + '…'}'"
