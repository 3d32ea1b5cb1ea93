"""Accuracy of the checkpoints of a training on benchmarks, against the step, with 95 % intervals."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib import pyplot
from matplotlib.figure import Figure

from mmk12.evaluation.run_folder import EvalRun
from mmk12.plotting.curves import read_curves, set_step_axis

_STEP = re.compile(r"(?:global_step|step|checkpoint)[-_ ]?(\d{1,9})")
_MARKS = "os^Dvx*"


class _Point(NamedTuple):
    """An accuracy in percent at a step, with its interval."""

    step: int
    mean: float
    low: float
    high: float


def figure(runs: Sequence[Path]) -> Figure:
    """A line per benchmark through evaluation runs; training runs among `runs` add what they validated on.

    The step stands in the name of the evaluation's folder or model (`step-100`, `global_step_100`); the model that
    training started from has none and stands at step 0.
    """
    evaluations = [run for run in runs if EvalRun(run).exists]
    fig, axes = pyplot.subplots(figsize=(5.6, 3.4))
    for number, (name, points) in enumerate(_points(evaluations).items()):
        at, mean = [point.step for point in points], [point.mean for point in points]
        below, above = [p.mean - p.low for p in points], [p.high - p.mean for p in points]
        mark = f"{_MARKS[number % len(_MARKS)]}-"
        axes.errorbar(at, mean, (below, above), fmt=mark, color=f"C{number % 7}", markersize=4, capsize=2, label=name)
    for curve in read_curves([run for run in runs if run not in evaluations], "validation/accuracy"):
        found = curve.raw().mean * 100
        axes.plot(found.index, found, ":", color="0.35", linewidth=1.4, label=f"held-out rows, {curve.name}")
    set_step_axis(axes)
    axes.margins(x=0.04)
    axes.set_ylabel("accuracy (%)")
    fig.legend(loc="outside upper center", ncols=3)
    return fig


def _points(evaluations: Sequence[Path]) -> dict[str, list[_Point]]:
    found: dict[str, list[_Point]] = defaultdict(list)
    for folder in evaluations:
        step = _step(folder)
        for name, result in EvalRun(folder).results().benchmarks.items():
            if result.accuracy is None or result.ci95 is None:
                continue
            low, high = result.ci95
            found[name].append(_Point(step, 100 * result.accuracy, 100 * low, 100 * high))
    return {name: sorted(points) for name, points in found.items()}


def _step(folder: Path) -> int:
    for text in (folder.name, EvalRun(folder).settings().model):
        named = _STEP.findall(text)
        if named:
            return int(named[-1])
    return 0
