"""Generated K12-style problems: the train split of the embedded default, whose parameters its test split never has.

Made by `mmk12.demo`, so it needs no data and no network. Licence: that of this package.
"""

from collections.abc import Iterable
from dataclasses import asdict

from mmk12.datasets.declarations import Source
from mmk12.datasets.files import Files
from mmk12.demo import generate_problems
from mmk12.types import Gold, RawSample, Row

SIZE = 512


def rows(files: Files) -> Iterable[Row]:
    return (asdict(problem) for problem in generate_problems("train", SIZE))


def draft(row: Row) -> RawSample:
    tags = {"topic": row["topic"], "family": row["family"]}
    return RawSample(row["id"], row["question"], Gold(row["answer"]), images=[row["png"]], tags=tags)


source = Source(
    name="demo",
    about=f"{SIZE} generated K12-style problems with figures",
    license="Apache-2.0",
    url="made by mmk12.demo",
    folders=(),
    layout="nothing: the problems are generated",
    rows=rows,
    draft=draft,
    size=SIZE,
    template=True,
)
