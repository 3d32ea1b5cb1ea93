r"""DVQA: questions about generated bar charts (Kafle et al. 2018, arXiv 1801.08163).

License: CC BY-NC 4.0.
URL: https://github.com/kushalkafle/DVQA_dataset (Google Drive).
Split: train, 2,325,316 questions about 200,000 charts.

One row (invented; the files call the type of question `template_id`, the README `question_type`; both are read):

    train_qa.json
    [{"question": "How many bars are there?", "question_id": 99, "template_id": "structure", "answer": "two",
      "image": "bar_train_00000012.png", "answer_bbox": []}]
    images/bar_train_00000012.png

The hub copy of vikhyatk has a row per chart: {"image": {"bytes", "path"}, "qa": [{"question", "answer"}]}.

Gold: the integer in dollars, number words (`two`) too, as in the subset `int_only` that the paper used. Other answers
are left out.
"""

from collections.abc import Iterable, Iterator

from mmk12.datasets.declarations import Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import integer_gold, row_images
from mmk12.types import BrokenLine, Gold, HubDataset, RawSample, Row

HUB = HubDataset("vikhyatk/dvqa", split="train")


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    return _hub_rows(files) if files.folder is None else files.items("train_qa.json")


def _hub_rows(files: Files) -> Iterator[Row]:
    for chart, row in enumerate(files.hub(HUB)):
        for number, qa in enumerate(row["qa"]):
            yield {**qa, "question_id": f"row-{chart}/{number}", "image": row["image"]}


def draft(row: Row) -> RawSample:
    gold = Gold(integer_gold(row["answer"]))
    image = row["image"]
    images = [f"images/{image}"] if isinstance(image, str) else row_images(image)
    kind = row.get("template_id", row.get("question_type"))
    return RawSample(str(row["question_id"]), row["question"], gold, images=images, tags={"type": kind} if kind else {})


source = Source(
    name="dvqa",
    about="bar charts, questions with whole-number answers",
    license="CC BY-NC 4.0",
    url="https://github.com/kushalkafle/DVQA_dataset (Google Drive)",
    folders=("dvqa", "DVQA"),
    layout="train_qa.json and images/bar_train_*.png",
    rows=rows,
    draft=draft,
    hub=HUB,
    size=2_325_316,
    template=True,
)
