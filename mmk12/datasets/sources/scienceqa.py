r"""ScienceQA: multiple choice of American schools (Lu et al. 2022, arXiv 2209.09513).

License: CC BY-NC-SA 4.0.
URL: https://github.com/lupantech/ScienceQA
Split: train, 12,726 questions; the 6,218 with an image are used, the others are left out.

One row (invented):

    problems.json
    {"41": {"question": "Which force is larger?", "choices": ["the push", "the pull"], "answer": 0, "hint": "",
     "image": "image.png", "task": "closed choice", "grade": "grade4", "subject": "natural science", "topic": "physics",
     "category": "Forces", "skill": "Compare forces", "lecture": "…", "solution": "…", "split": "train"}}
    images/train/41/image.png (or in images/train.zip, as the publisher's download.sh leaves it)

The hub copy of derek-thomas has the same columns, no ids, and the encoded image in `image`.

Question: hint, then question. Gold: the value of the right option if it can be checked without showing the options,
else its letter (`choice_gold`).
"""

from collections.abc import Iterable, Iterator

from mmk12.datasets.declarations import SkipRow, Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import choice_gold, first_existing, read_json_object, row_images
from mmk12.types import BrokenLine, HubDataset, RawSample, Row

HUB = HubDataset("derek-thomas/ScienceQA", split="train")


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    return _hub_rows(files) if files.folder is None else _folder_rows(files)


def _hub_rows(files: Files) -> Iterator[Row]:
    for number, row in enumerate(files.hub(HUB)):
        yield {**row, "id": f"row-{number}"}


def _folder_rows(files: Files) -> Iterator[Row | BrokenLine]:
    problems = read_json_object(files, "problems.json") if files.path("problems.json").is_file() else {}
    root = first_existing(files, "images/train.zip", "train.zip", "images")
    for pid, row in problems.items():
        if not isinstance(row, dict):
            yield BrokenLine(f"problems.json, {pid}", "not a JSON object")
        elif row.get("split") == "train":
            yield {**row, "id": pid, "folder": f"{root}/train/{pid}"}


def draft(row: Row) -> RawSample:
    if not row["image"]:
        raise SkipRow("no image")
    text = "\n".join(part for part in (row["hint"], row["question"]) if part)
    question, gold = choice_gold(text, row["choices"], row["answer"])
    image = row["image"]
    images = [f"{row['folder']}/{image}"] if isinstance(image, str) else row_images(image)
    return RawSample(row["id"], question, gold, images=images, tags={"topic": row["topic"], "grade": row["grade"]})


source = Source(
    name="scienceqa",
    about="multiple choice of American schools, questions with images",
    license="CC BY-NC-SA 4.0",
    url="https://github.com/lupantech/ScienceQA",
    folders=("scienceqa", "ScienceQA"),
    layout="problems.json and images/train/<id>/image.png, or images/train.zip",
    rows=rows,
    draft=draft,
    hub=HUB,
    size=12_726,
    template=True,
)
