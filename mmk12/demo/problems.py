"""From families to a stream of problems: seeded, balanced, without repeats, train and test disjoint.

The split of a problem is a hash of its family and parameters: it depends neither on the seed nor on how many
problems are drawn, so whatever was trained on, the test split stays unseen.
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

# All problem families of the demo. A new family is one file and one line here.


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


Split = Literal["train", "test"]

TEST_SHARE = 0.25
"""Share of each family's parameters that is held out."""

_PATIENCE = 1000


@dataclass(frozen=True, slots=True)
class Problem:
    """One demo problem. `question` has no image mark; `png` is the figure, 112 x 112 RGB, encoded.

    `shown` are the numbers that the figure shows, in an order fixed for each family: the question and they
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
    """The split that a parameter tuple belongs to, for every seed and version."""
    digest = hashlib.sha256(f"{family}{parameters}".encode()).digest()
    return "test" if digest[0] < 256 * TEST_SHARE else "train"


def generate_problems(split: Split, count: int, seed: int = 0) -> Iterator[Problem]:
    """`count` problems, the families taking turns in a shuffled order; none is repeated.

    The same arguments give the same problems. Raises `MissingData` when a family has nothing new to offer.
    """
    rng = random.Random(f"{split}/{seed}")
    seen: set[str] = set()
    turn: list[Family] = []
    for _ in range(count):
        if not turn:
            turn = rng.sample(FAMILIES, len(FAMILIES))
        yield _fresh(turn.pop(), split, rng, seen)


def _fresh(family: Family, split: Split, rng: random.Random, seen: set[str]) -> Problem:
    pool = _pool(family.name, split)
    for _ in range(_PATIENCE):
        posed = family.pose(rng.choice(pool), rng)
        figure = posed.figure.image()
        # Pixels, not PNG bytes: those depend on the version of zlib.
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
def _pool(name: str, split: Split) -> tuple[Parameters, ...]:
    family = next(family for family in FAMILIES if family.name == name)
    return tuple(item for item in family.parameters() if split_of(name, item) == split)
