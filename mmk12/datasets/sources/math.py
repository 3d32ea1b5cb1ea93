r"""MATH: competition mathematics in seven subjects, text only (Hendrycks et al. 2021, arXiv 2103.03874).

License: MIT.
URL: https://huggingface.co/datasets/EleutherAI/hendrycks_math, a copy; the `MATH.tar` that
https://github.com/hendrycks/math once offered is still read.
Split: train, 7,500 problems; the 5,000 test problems are a benchmark.

One row, a file per problem (invented):

    train/algebra/12.json
    {"problem": "What is the value of $x$ if $2x + 3 = 10$?", "level": "Level 2", "type": "Algebra",
     "solution": "Subtracting 3 gives $2x = 7$, so $x = \\boxed{\\frac{7}{2}}$."}

Gold: the content of the last `\boxed{}` of the solution whose braces balance, in dollars. Without dollars, math-verify
reads only 933 of 1,050 of these golds, and accepts 185 of them as equal to themselves.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mmk12.datasets.declarations import Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import read_json_files, wrap_in_dollars
from mmk12.types import BrokenLine, Gold, HubDataset, RawSample, Row
from mmk12.verifier.boxes import find_last_boxed

SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)
HUB = HubDataset("EleutherAI/hendrycks_math", split="train", config=SUBJECTS[0])


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    if files.folder is None:
        return _hub_rows(files)
    return read_json_files(files, "train/*/*.json", "MATH.tar/MATH/train/*/*.json")


def _hub_rows(files: Files) -> Iterator[Row]:
    """Yields the rows of all subjects; the hub has a config per subject and no file numbers, so ids count rows."""
    for subject in SUBJECTS:
        for number, row in enumerate(files.hub(replace(HUB, config=subject))):
            yield {**row, "file": f"{subject}/row-{number}"}


def draft(row: Row) -> RawSample:
    answer = find_last_boxed(row["solution"])
    if not answer:
        raise ValueError("the solution has no \\boxed{} answer")
    name = "/".join(row["file"].removesuffix(".json").split("/")[-2:])
    tags = {"topic": row["type"], "level": row["level"]}
    return RawSample(name, row["problem"], Gold(wrap_in_dollars(answer)), tags=tags)


source = Source(
    name="math",
    about="competition mathematics, text only",
    license="MIT",
    url="https://huggingface.co/datasets/EleutherAI/hendrycks_math",
    folders=("math/MATH", "math"),
    layout="train/<subject>/<n>.json, or MATH.tar",
    rows=rows,
    draft=draft,
    hub=HUB,
    size=7_500,
)
