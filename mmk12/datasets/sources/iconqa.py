r"""IconQA: questions of primary school about icon pictures (Lu et al. 2021, arXiv 2110.13214). CC BY-NC-SA 4.0.

Only the train split, and of its three tasks only `fill_in_blank` and `choose_txt`, 29,859 questions (the options of
`choose_img` are pictures). The hub's copies hold no train split. A folder per question with `data.json` and
`image.png` (invented; `answer` is a text to fill in, or the index of an option from 0):

    iconqa/train/choose_txt/3142/data.json
    {"question": "How many birds are there?", "choices": ["3", "7", "2"], "answer": 1, "ques_type": "choose_txt",
     "grade": "kindergarten", "label": "A12"}

Gold: what is to be filled in, if it is a number, in dollars; of options the value, where it can be checked without
showing them, else the letter (see `_choices`).
"""

from collections.abc import Iterable

from mmk12.datasets.declarations import Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources import _helpers
from mmk12.datasets.sources._helpers import file_beside, json_files, number_gold, parent_folder
from mmk12.types import BrokenLine, Gold, RawSample, Row

TASKS = ("fill_in_blank", "choose_txt")
ROOTS = ("train", "iconqa/train", "iconqa_data.zip/iconqa_data/iconqa/train")


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    return json_files(files, *(f"{root}/{task}/*/data.json" for root in ROOTS for task in TASKS))


def draft(row: Row) -> RawSample:
    if row["ques_type"] == "fill_in_blank":
        question, gold = row["question"], Gold(number_gold(row["answer"]))
    else:
        question, gold = _helpers.choice_gold(row["question"], row["choices"], row["answer"])
    tags = {"type": row["ques_type"], "grade": row["grade"]}
    return RawSample(
        f"{row['ques_type']}/{parent_folder(row)}", question, gold, images=[file_beside(row, "image.png")], tags=tags
    )


source = Source(
    name="iconqa",
    about="questions of primary school about icon pictures",
    license="CC BY-NC-SA 4.0",
    url="https://iconqa.github.io (iconqa_data.zip)",
    folders=("iconqa/iconqa_data", "iconqa"),
    layout="iconqa/train/<task>/<id>/data.json and image.png, or iconqa_data.zip",
    rows=rows,
    draft=draft,
    size=29_859,
    template=True,
)
