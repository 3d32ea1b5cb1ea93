"""What a problem family is: a finite set of parameters and a way to pose each of them as a question with a figure.

Parameters are the mathematics (the numbers that decide the answer); wording, colours, labels and layout come from
the random generator. Train and test are told apart by the parameters alone, so no restyled copy can leak.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mmk12.demo.drawing import Canvas

Parameters = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PosedProblem:
    """A problem in words and picture. `answer` is the gold as a K12 dataset prints it.

    `shown` lists what is to be seen in the figure, as numbers in a fixed order for each family: with the
    question it decides the answer, and it is what the vision tower learns to read first.
    """

    question: str
    answer: str
    solution: str
    shown: tuple[int, ...]
    figure: Canvas


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of problem: `parameters` lists all its instances, `pose` words and draws one of them."""

    name: str
    topic: str
    parameters: Callable[[], Iterable[Parameters]]
    pose: Callable[[Parameters, random.Random], PosedProblem]
