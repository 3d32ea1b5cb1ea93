"""Accuracy and speed of graders on the same rows in the same run; every row is graded once, so nothing is warm."""

import statistics
import time
from collections.abc import Sequence
from typing import NamedTuple

from mmk12.utils.tables import Table
from perf.graders import Grader, graders
from perf.rows import Row, sets

FAILURES = (ArithmeticError, AttributeError, LookupError, RecursionError, SyntaxError, TypeError, ValueError)
"""What a peer may raise on an answer; that row counts as rejected, as in a training run."""


class Measured(NamedTuple):
    """One grader on one set; times are CPU seconds per row."""

    accuracy: float
    accepted_wrong: int
    rejected_right: int
    times: list[float]

    @property
    def rate(self) -> float:
        """Verdicts per CPU second on one core."""
        return len(self.times) / sum(self.times)


def measure(grader: Grader, rows: Sequence[Row]) -> Measured:
    """Grades every row once, in the main thread."""
    times, accepted_wrong, rejected_right = [], 0, 0
    for row in rows:
        start = time.process_time()
        try:
            accepted = grader(row.response, row.gold, row.choices)
        except FAILURES:
            accepted = False
        times.append(time.process_time() - start)
        accepted_wrong += accepted and not row.right
        rejected_right += row.right and not accepted
    accuracy = 1 - (accepted_wrong + rejected_right) / len(rows)
    return Measured(accuracy, accepted_wrong, rejected_right, times)


def compared(count: int) -> Table:
    """The table of all graders on all sets, `count` rows each; the ratio is our rate to theirs."""
    header = (
        "set",
        "grader",
        "n",
        "acc %",
        "FP",
        "FN",
        "p50 ms",
        "p99 ms",
        "worst ms",
        "/ s / core",
        "ours is … times",
    )
    lines = []
    every = list(graders())
    for _, grader in every:
        # Imports and first-use tables belong to no row.
        measure(grader, [Row("The answer is $\\boxed{2}$.", "$\\frac{4}{2}$", True)])
    for name, rows in sets(count).items():
        ours = 0.0
        for grader_name, grader in every:
            found = measure(grader, rows)
            ours = ours or found.rate
            low = [1000 * cut for cut in statistics.quantiles(found.times, n=100, method="inclusive")]
            lines.append(
                (
                    name,
                    grader_name,
                    len(rows),
                    f"{100 * found.accuracy:.1f}",
                    found.accepted_wrong,
                    found.rejected_right,
                    f"{low[49]:.3f}",
                    f"{low[98]:.2f}",
                    f"{1000 * max(found.times):.1f}",
                    f"{found.rate:,.0f}",
                    f"{ours / found.rate:.2f}",
                )
            )
    return Table(header, lines)
