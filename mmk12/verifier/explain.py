"""Explains the verdict on one row: what was extracted, how both sides were parsed, and the rule that decided.

Nothing is graded here; the parsed values are those that the verdict rests on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from rich.text import Text as Line
from rich.tree import Tree

from mmk12.types import Verdict
from mmk12.verifier.answer_parser import parse
from mmk12.verifier.api import verify_row
from mmk12.verifier.extract import Extraction, NoExtraction, extract_answer
from mmk12.verifier.gold import GoldReference, make_reference
from mmk12.verifier.interpret import fit_blanks, interpret
from mmk12.verifier.nodes import AmbiguousNumber, AnswerList, Bracketed, Call, Const, Num, Sym, Text, TimeOfDay, Unit
from mmk12.verifier.profiles import find_profile
from mmk12.verifier.spec import GradingSpec, to_text

SHOWN = 300
"""Characters of a text that are shown."""
_NAMES = {Bracketed: "brackets", AnswerList: "list", AmbiguousNumber: "one number or several", TimeOfDay: "time of day"}
"""How nodes of a tree are called where the name of their class is no word."""
BRANCHES = 40
"""Parts of one value that are shown."""


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of the explanation and the lines below it."""

    line: str
    branches: tuple[Branch, ...] = ()

    def to_tree(self) -> Tree:
        """Returns the explanation as a tree of rich. Lines are plain text: nothing in them is read as markup."""
        tree = Tree(Line(self.line))
        for branch in self.branches:
            tree.children.append(branch.to_tree())
        return tree


def explain(row: Mapping[str, Any], profile: str = "strict") -> Branch:
    """Returns the verdict on `row` (keys as for `verify_many`, and `id`) with all that led to it.

    Raises `UnknownName` for the profile or the answer type, and `MissingExtra` for the profile.
    """
    verdict = verify_row(row, profile)
    if find_profile(profile).released:
        parts: Iterator[Branch] = iter([Branch("graded by math-verify, which shows no trees")])
    else:
        spec = GradingSpec.from_row(row)
        gold = make_reference(spec.reference, spec.answer_type)
        parts = _list_readings(to_text(row["response"]), gold, spec.choices)
    return Branch(f"{row.get('id', 'row')}: {verdict.status}", (*parts, _decide(verdict)))


def _list_readings(response: str, known: GoldReference, choices: Sequence[str]) -> Iterator[Branch]:
    extraction = extract_answer(response)
    yield Branch(f"response, {len(response)} characters: {_short(response)}")
    if isinstance(extraction, Extraction) and extraction.left_out:
        yield Branch(f"left out, {extraction.left_out}")
    if isinstance(extraction, NoExtraction):
        yield Branch(f"answer: none, because {extraction.reason}")
    elif extraction.doubt:
        yield Branch(f"answer: none, because {extraction.doubt}; last sentence: {_short(extraction.text)}")
    else:
        extraction = fit_blanks(extraction, known)
        value = interpret(extraction.text, known)
        line = f"answer, found by the rule '{extraction.rule}': {_short(extraction.text)}"
        yield Branch(line, (describe_reading(value),))
    usable = "usable" if known.kind.usable else "unusable"
    because = f", {known.kind.reason}" if known.kind.reason else ""
    values = tuple(describe_reading(value) for value in known.values)
    yield Branch(f"gold, {known.kind.type}, {usable}{because}: {_short(known.text)}", values)
    if choices:
        options = (
            Branch(f"{chr(ord('A') + index)}: {_short(choice)}", (describe_reading(parse(choice)),))
            for index, choice in enumerate(choices[:26])
        )
        yield Branch("options", tuple(options))


def _decide(verdict: Verdict) -> Branch:
    form = "as the prompt asks" if verdict.format_ok else "not as the prompt asks"
    return Branch(f"rule '{verdict.rule}': {verdict.reason}; format {form}; profile {verdict.profile}")


def describe_reading(value: object) -> Branch:
    """Returns the typed tree of a parsed value (`nodes.py`)."""
    match value:
        case Num(number):
            return Branch(f"number {_number(number)}")
        case Sym(name):
            return Branch(f"symbol {_short(name)}")
        case Const(name):
            return Branch(f"constant {name}")
        case Unit(name, known):
            return Branch(f"unit {name}" if known else f"counted noun {_short(name)}")
        case Text(words, raw):
            return Branch(f"words {_short(' '.join(words))}" if words else f"text {_short(raw)}")
        case Call(op, args):
            return Branch(f"call {op}", _parts(args))
        case tuple():
            return Branch("row", _parts(value))
        case None:
            return Branch("nothing")
        case _:
            return _frame(value)


def _frame(value: Any) -> Branch:
    """Describes any other node: its name, its marks, its parts."""
    marks: list[str] = []
    parts: tuple[Branch, ...] = ()
    for field in dataclasses.fields(value):
        part = getattr(value, field.name)
        if isinstance(part, str) or (isinstance(part, tuple) and all(isinstance(item, str) for item in part)):
            marks.append(_short(part if isinstance(part, str) else " ".join(part)))
        else:
            parts += _parts(part) if isinstance(part, tuple) else (describe_reading(part),)
    name = _NAMES.get(type(value)) or type(value).__name__.lower()
    return Branch(" ".join([name, *marks]), parts)


def _parts(values: Sequence[object]) -> tuple[Branch, ...]:
    more = (Branch(f"… and {len(values) - BRANCHES} more"),) if len(values) > BRANCHES else ()
    return (*(describe_reading(value) for value in values[:BRANCHES]), *more)


def _number(number: Fraction) -> str:
    # Python refuses to print more than 4,300 digits.
    bits = max(number.numerator.bit_length(), number.denominator.bit_length())
    return str(number) if bits < 1000 else f"of {bits} bits"


def _short(text: str) -> str:
    line = " ".join(text[: 8 * SHOWN].split())
    return line if len(line) <= SHOWN else f"{line[: SHOWN // 2]} … {' '.join(text[-SHOWN:].split())[-SHOWN // 2 :]}"
