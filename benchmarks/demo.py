"""The embedded benchmark: 500 generated fill-in-the-blank problems that the embedded model has never seen.

Drawn by `mmk12.demo` from its test split, whose parameters never occur in training. It needs no data and no
network, so it is what `mmk12 demo` and the tests evaluate.
"""

from collections.abc import Iterable
from dataclasses import asdict

from mmk12 import Benchmark, Files, Row
from mmk12.datasets.sources.demo import draft
from mmk12.demo import generate_problems

SIZE = 500


def rows(files: Files) -> Iterable[Row]:
    return (asdict(problem) for problem in generate_problems("test", SIZE))


benchmark = Benchmark(
    name="demo",
    about=f"{SIZE} generated K12-style problems with figures",
    license="Apache-2.0",
    url="made by mmk12.demo",
    folders=(),
    layout="nothing: the problems are generated",
    size=SIZE,
    rows=rows,
    draft=draft,
    groups=("topic", "family"),
)
