"""Accuracy of evaluation runs with 95 % intervals, per benchmark and per declared group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    labels = list(_add_headings(_labels(results)))
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
        for place, accuracy, _, high in shown:
            axes.text(min(100 * high, 100) + 1, place, f"{accuracy:.1f}", va="center", fontsize="x-small")
    axes.set_yticks(range(len(labels)), [_describe(results, *label) for label in labels])
    for tick, (_, group, value) in zip(axes.get_yticklabels(), labels, strict=True):
        tick.set_fontweight("normal" if value else "bold")
        tick.set_fontstyle("italic" if group and not value else "normal")
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlim(0, 108)
    axes.set_xticks(range(0, 101, 20))
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


def _add_headings(labels: Sequence[tuple[str, str, str]]) -> Iterator[tuple[str, str, str]]:
    """Yields the labels with the name of each group above its values: a label with an empty value."""
    before = ("", "")
    for benchmark, group, value in labels:
        if group and (benchmark, group) != before:
            yield benchmark, group, ""
        before = benchmark, group
        yield benchmark, group, value


def _describe(results: Sequence[Results], benchmark: str, group: str, value: str) -> str:
    """Returns the text of a label, with the number of its items (of the runs that have most)."""
    if group and not value:
        return f"by {group.replace('_', ' ')}"
    scores = [score for result in results if (score := _score(result, benchmark, group, value)) is not None]
    return f"{value or benchmark} (n = {max(score.n for score in scores):,})"


def _score(result: Results, benchmark: str, group: str, value: str) -> BenchmarkResult | GroupScore | None:
    numbers = result.benchmarks.get(benchmark)
    if numbers is None or not group:
        return numbers
    if not value:
        return None
    return numbers.groups.get(group, {}).get(value)
