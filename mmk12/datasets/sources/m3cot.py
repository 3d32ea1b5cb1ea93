r"""M3CoT: multiple choice over science, mathematics and common sense (arXiv 2405.16473). CC BY-SA 4.0.

Only the train split, 7,863 rows. The set re-splits ScienceQA: its train rows can be test rows there and the other way
round, which is what decontamination is for. One row (invented; `image` may be null):

    {"id": "algebra-17", "category": "Polynomials", "image_id": "17", "question": "How long is side AB?",
     "choices": ["4 cm", "5 cm", "6 cm"], "context": "The perimeter is 20 cm.", "answer": "B", "rationale": "…",
     "split": "train", "image": {"bytes": b"\x89PNG…", "path": "17.png"}, "domain": "mathematics", "topic": "algebra"}

Question: context, then question. Gold: the right option's value where it can be checked without showing the options,
else the letter (see `_choices`). Rows without a picture are left out.
"""

from collections.abc import Iterable

from mmk12.datasets.declarations import SkipRow, Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources import _helpers
from mmk12.datasets.sources._helpers import image_paths, parquet_files
from mmk12.types import BrokenLine, HubDataset, RawSample, Row

HUB = HubDataset("LightChen2333/M3CoT", split="train")


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    return files.hub(HUB) if files.folder is None else parquet_files(files, "data/train-*.parquet")


def draft(row: Row) -> RawSample:
    if row["split"] != "train":
        raise SkipRow("not of the train split", str(row["split"]))
    asked = "\n".join(part for part in (row["context"], row["question"]) if part)
    question, gold = _helpers.choice_gold(asked, row["choices"], _helpers.LETTERS.index(row["answer"]))
    tags = {"domain": row["domain"], "topic": row["topic"]}
    return RawSample(row["id"], question, gold, images=image_paths(row["image"]), tags=tags)


source = Source(
    name="m3cot",
    about="multiple choice over science, mathematics and common sense",
    license="CC BY-SA 4.0",
    url="https://huggingface.co/datasets/LightChen2333/M3CoT",
    folders=("m3cot", "M3CoT"),
    layout="data/train-*.parquet",
    rows=rows,
    draft=draft,
    hub=HUB,
    size=7_863,
    template=True,
)
