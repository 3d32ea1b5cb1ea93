"""`Family`: a kind of problem, with a finite set of parameters and a function that poses each as a question.

Parameters are the mathematics (the numbers that decide the answer); wording, colors, labels and layout are random.
Train and test are separated by the parameters alone, so a test problem in another style cannot occur in training.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mmk12.demo.drawing import Canvas

Parameters = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PosedProblem:
    """A question with its figure. `answer` is the gold as a K12 dataset prints it.

    `shown` lists the numbers that the figure shows, in a fixed order for each family: together with the question they
    decide the answer, and they are what the vision tower learns to read first.
    """

    question: str
    answer: str
    solution: str
    shown: tuple[int, ...]
    figure: Canvas


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of problem: `parameters` yields all its instances, `pose` writes and draws one of them."""

    name: str
    topic: str
    parameters: Callable[[], Iterable[Parameters]]
    pose: Callable[[Parameters, random.Random], PosedProblem]
