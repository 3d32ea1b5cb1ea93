"""Accuracy of evaluation runs with 95 % intervals, per benchmark and per declared group."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot
from matplotlib.figure import Figure

from mmk12.evaluation.records import BenchmarkResult, GroupScore, Results
from mmk12.evaluation.run_folder import EvalRun

_HEIGHT = 0.24
"""Of one bar, in inches; bars of all runs stand together under their label."""


def figure(runs: Sequence[Path]) -> Figure:
    """Horizontal bars: each benchmark in bold, its groups below it, one bar per run."""
    results = [EvalRun(run).results() for run in runs]
    labels = _labels(results)
    height = 0.9 + _HEIGHT * len(labels) * (len(runs) + 0.7)
    fig, axes = pyplot.subplots(figsize=(6.4, height))
    width = 0.8 / len(runs)
    for number, (run, result) in enumerate(zip(runs, results, strict=True)):
        scores = ((place, _score(result, *label)) for place, label in enumerate(labels))
        shown = [
            (place + (number - (len(runs) - 1) / 2) * width, 100 * score.accuracy, *score.ci95)
            for place, score in scores
            if score is not None and score.accuracy is not None and score.ci95 is not None
        ]
        places, values = [place for place, *_ in shown], [value for _, value, *_ in shown]
        below = [value - 100 * low for _, value, low, _ in shown]
        above = [100 * high - value for _, value, _, high in shown]
        error = {"elinewidth": 0.9, "capsize": 2}
        axes.barh(places, values, height=width * 0.9, xerr=(below, above), label=run.name, error_kw=error)
    axes.set_yticks(range(len(labels)), [value or benchmark for benchmark, _, value in labels])
    for tick, (_, group, _value) in zip(axes.get_yticklabels(), labels, strict=True):
        tick.set_fontweight("normal" if group else "bold")
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("accuracy (%), bars: 95 % interval")
    axes.grid(axis="y", visible=False)
    if len(runs) > 1:
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=len(runs))
    return fig


def _labels(results: Sequence[Results]) -> list[tuple[str, str, str]]:
    """(benchmark, group, value) of every bar that some run has; group and value are empty for the whole benchmark."""
    labels: dict[tuple[str, str, str], None] = {}
    for result in results:
        for benchmark, numbers in result.benchmarks.items():
            labels[benchmark, "", ""] = None
            for group, values in numbers.groups.items():
                labels.update({(benchmark, group, value): None for value in values})
    return sorted(labels, key=lambda label: (label[0], list(labels).index(label)))


def _score(result: Results, benchmark: str, group: str, value: str) -> BenchmarkResult | GroupScore | None:
    numbers = result.benchmarks.get(benchmark)
    if numbers is None or not group:
        return numbers
    return numbers.groups.get(group, {}).get(value)
