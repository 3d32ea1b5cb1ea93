r"""MMK12 train: fill-in-the-blank questions of Chinese schools with figures, by the authors of MM-Eureka.

License: Apache-2.0 according to third parties; the dataset card states none.
URL: https://huggingface.co/datasets/FanqingM/MMK12
Split: train, 15,616 rows. It is the later and larger set; the paper's 8,099 K12 questions are not marked in it. The
test split (2,000 multiple-choice questions) is a benchmark and is not read.

One row (invented; `image` may be null):

    data/train-00000-of-00001.parquet
    {"id": "5f3c…", "question": "As shown in the figure, $AB \\parallel CD$ and $\\angle 1 = 40^{\\circ}$, then
     $\\angle 2 =$ ___.", "answer": "$140^{\\circ}$", "image": {"bytes": b"\x89PNG…", "path": null}}

Gold: the answer as printed. Answers of several parts or in words are left to the stage `verifiable`, which drops them
with a reason.
"""

from collections.abc import Iterable

from mmk12.datasets.declarations import Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import read_parquet_files
from mmk12.types import BrokenLine, Gold, HubDataset, RawSample, Row

HUB = HubDataset("FanqingM/MMK12", split="train")


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    return files.hub(HUB) if files.folder is None else read_parquet_files(files, "data/*.parquet", but="data/test*")


def draft(row: Row) -> RawSample:
    image = row["image"]
    images = [image["bytes"]] if image is not None else []
    return RawSample(str(row["id"]), row["question"], Gold(row["answer"]), images=images)


source = Source(
    name="k12_train",
    about="K12 questions with figures (MMK12, train split)",
    license="Apache-2.0 (as third parties say)",
    url="https://huggingface.co/datasets/FanqingM/MMK12",
    folders=("k12_train", "MMK12"),
    layout="data/train-*.parquet",
    rows=rows,
    draft=draft,
    hub=HUB,
    size=15_616,
)
