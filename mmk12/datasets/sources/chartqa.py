r"""ChartQA: questions about charts from the web (Masry et al. 2022, arXiv 2203.10244).

License: GPL-3.0 (repository).
URL: https://github.com/vis-nlp/ChartQA
Split: train, 28,299 questions, human and augmented (MMPR's file also holds val).

One row (invented):

    train/train_human.json
    [{"imgname": "41699051005347.png", "query": "How many points lie above 40?", "label": "3"}]
    train/png/41699051005347.png

The hub copy of HuggingFaceM4 has the columns image, query, label (a list of one) and human_or_machine.

Gold: the number as printed, in dollars, `%` kept. Words, lists and yes or no are left out. Years count as numbers: the
verifier has no tolerance of 5 %, by which the benchmark's relaxed accuracy accepts 1998 for 2002.
"""

from collections.abc import Iterable, Iterator

from mmk12.datasets.declarations import Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import number_gold, row_images
from mmk12.types import BrokenLine, Gold, HubDataset, RawSample, Row

HUB = HubDataset("HuggingFaceM4/ChartQA", split="train")
PARTS = ("human", "augmented")


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    return _hub_rows(files) if files.folder is None else _folder_rows(files)


def _hub_rows(files: Files) -> Iterator[Row]:
    for number, row in enumerate(files.hub(HUB)):
        yield {**row, "id": f"row-{number}"}


def _folder_rows(files: Files) -> Iterator[Row | BrokenLine]:
    for part in PARTS:
        for number, row in enumerate(files.items(f"train/train_{part}.json")):
            if isinstance(row, BrokenLine):
                yield row
            else:
                yield {**row, "id": f"{part}/{number}", "part": part}


def draft(row: Row) -> RawSample:
    if "part" in row:
        label, images, tags = row["label"], [f"train/png/{row['imgname']}"], {"type": row["part"]}
        return RawSample(row["id"], row["query"], Gold(number_gold(label)), images=images, tags=tags)
    (label,) = row["label"]
    return RawSample(row["id"], row["query"], Gold(number_gold(label)), images=row_images(row["image"]))


source = Source(
    name="chartqa",
    about="charts from the web, questions with numeric answers",
    license="GPL-3.0 (repository)",
    url="https://github.com/vis-nlp/ChartQA (folder ChartQA Dataset)",
    folders=("chartqa/ChartQA Dataset", "chartqa", "ChartQA Dataset"),
    layout="train/train_human.json, train/train_augmented.json and train/png/*.png",
    rows=rows,
    draft=draft,
    hub=HUB,
    size=28_299,
)
