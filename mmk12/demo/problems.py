"""Generates problems from the families: seeded, balanced, without repeats, train and test disjoint.

The split of a problem is a hash of its family and parameters. It depends neither on the seed nor on the number of
problems, so the test split stays unseen whatever was trained on.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from mmk12.demo import geometry, numbers
from mmk12.demo.drawing import encode
from mmk12.demo.family import Family, Parameters
from mmk12.errors import MissingData

FAMILIES: tuple[Family, ...] = (
    geometry.TRIANGLE_ANGLE,
    geometry.PYTHAGORAS,
    geometry.PERIMETER,
    geometry.GRID_AREA,
    geometry.RING,
    geometry.REFLECTION,
    geometry.SLOPE,
    numbers.BAR_CHART,
    numbers.MEAN,
    numbers.SHADED_FRACTION,
    numbers.PATTERN,
    numbers.CLOCK,
)
"""All families, in the order in which they are sampled; another order gives other problems for the same seed."""

Split = Literal["train", "test"]

TEST_SHARE = 0.25
"""Share of each family's parameters that is held out."""
_ATTEMPTS = 1000
"""Random problems of a family that are tried before it counts as exhausted."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One demo problem. `question` has no image mark; `png` is the encoded figure, 112 x 112 pixels, RGB.

    `shown` are the numbers that the figure shows, in a fixed order for each family: together with the question they
    decide the answer.
    """

    id: str
    family: str
    topic: str
    question: str
    answer: str
    solution: str
    png: bytes
    shown: tuple[int, ...]


def split_of(family: str, parameters: Parameters) -> Split:
    """Returns the split of a parameter tuple, which is the same for every seed and version."""
    digest = hashlib.sha256(f"{family}{parameters}".encode()).digest()
    return "test" if digest[0] < 256 * TEST_SHARE else "train"


def generate_problems(split: Split, count: int, seed: int = 0) -> Iterator[Problem]:
    """Yields `count` distinct problems, the same ones for the same arguments.

    All families occur once, in random order, before any occurs again. Raises `MissingData` if a family has no more
    distinct problems.
    """
    rng = random.Random(f"{split}/{seed}")
    seen: set[str] = set()
    turn: list[Family] = []
    for _ in range(count):
        if not turn:
            turn = rng.sample(FAMILIES, len(FAMILIES))
        yield _pose_new(turn.pop(), split, rng, seen)


def _pose_new(family: Family, split: Split, rng: random.Random, seen: set[str]) -> Problem:
    pool = _list_parameters(family.name, split)
    for _ in range(_ATTEMPTS):
        posed = family.pose(rng.choice(pool), rng)
        figure = posed.figure.image()
        # Pixels, not PNG bytes, which depend on the version of zlib.
        digest = hashlib.sha256(posed.question.encode() + figure.tobytes()).hexdigest()[:12]
        if digest not in seen:
            seen.add(digest)
            return Problem(
                id=f"{family.name}-{digest}",
                family=family.name,
                topic=family.topic,
                question=posed.question,
                answer=posed.answer,
                solution=posed.solution,
                png=encode(figure),
                shown=posed.shown,
            )
    raise MissingData(f"The demo family '{family.name}' has no more distinct {split} problems; ask for fewer.")


@cache
def _list_parameters(name: str, split: Split) -> tuple[Parameters, ...]:
    family = next(family for family in FAMILIES if family.name == name)
    return tuple(item for item in family.parameters() if split_of(name, item) == split)
