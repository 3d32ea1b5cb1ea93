r"""M3CoT: multiple choice over science, mathematics and common sense (Chen et al. 2024, arXiv 2405.16473).

License: CC BY-SA 4.0.
URL: https://huggingface.co/datasets/LightChen2333/M3CoT
Split: train, 7,863 rows. The dataset splits ScienceQA anew: its train rows can be test rows there and vice versa, which
is a case for decontamination.

One row (invented; `image` may be null):

    data/train-00000-of-00001.parquet
    {"id": "algebra-17", "category": "Polynomials", "image_id": "17", "question": "How long is side AB?",
     "choices": ["4 cm", "5 cm", "6 cm"], "context": "The perimeter is 20 cm.", "answer": "B", "rationale": "…",
     "split": "train", "image": {"bytes": b"\x89PNG…", "path": "17.png"}, "domain": "mathematics", "topic": "algebra"}

Question: context, then question. Gold: the value of the right option if it can be checked without showing the options,
else its letter (`choice_gold`). Rows without an image are left out.
"""

from collections.abc import Iterable

from mmk12.datasets.declarations import SkipRow, Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import LETTERS, choice_gold, read_parquet_files, row_images
from mmk12.types import BrokenLine, HubDataset, RawSample, Row

HUB = HubDataset("LightChen2333/M3CoT", split="train")


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    return files.hub(HUB) if files.folder is None else read_parquet_files(files, "data/train-*.parquet")


def draft(row: Row) -> RawSample:
    if row["split"] != "train":
        raise SkipRow("not in the train split", str(row["split"]))
    text = "\n".join(part for part in (row["context"], row["question"]) if part)
    question, gold = choice_gold(text, row["choices"], LETTERS.index(row["answer"]))
    tags = {"domain": row["domain"], "topic": row["topic"]}
    return RawSample(row["id"], question, gold, images=row_images(row["image"]), tags=tags)


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
