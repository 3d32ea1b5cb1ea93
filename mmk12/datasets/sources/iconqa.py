r"""IconQA: primary-school questions about icon images (Lu et al. 2021, arXiv 2110.13214).

License: CC BY-NC-SA 4.0.
URL: https://iconqa.github.io (`iconqa_data.zip`, read in place or unpacked). The hub copies hold no train split.
Split: train, the 29,859 questions of the tasks `fill_in_blank` and `choose_txt` (the options of the third task,
`choose_img`, are images).

One row, a folder per question (invented; `answer` is a text to fill in, or the index of an option from 0):

    iconqa/train/choose_txt/3142/data.json
    {"question": "How many birds are there?", "choices": ["3", "7", "2"], "answer": 1, "ques_type": "choose_txt",
     "grade": "kindergarten", "label": "A12"}
    iconqa/train/choose_txt/3142/image.png

Gold: the text to fill in, if it is a number, in dollars. For options, the value of the right one if it can be checked
without showing the options, else its letter (`choice_gold`).
"""

from collections.abc import Iterable

from mmk12.datasets.declarations import Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import choice_gold, file_beside, number_gold, parent_folder, read_json_files
from mmk12.types import BrokenLine, Gold, RawSample, Row

TASKS = ("fill_in_blank", "choose_txt")
ROOTS = ("train", "iconqa/train", "iconqa_data.zip/iconqa_data/iconqa/train")


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    return read_json_files(files, *(f"{root}/{task}/*/data.json" for root in ROOTS for task in TASKS))


def draft(row: Row) -> RawSample:
    if row["ques_type"] == "fill_in_blank":
        question, gold = row["question"], Gold(number_gold(row["answer"]))
    else:
        question, gold = choice_gold(row["question"], row["choices"], row["answer"])
    tags = {"type": row["ques_type"], "grade": row["grade"]}
    return RawSample(
        f"{row['ques_type']}/{parent_folder(row)}", question, gold, images=[file_beside(row, "image.png")], tags=tags
    )


source = Source(
    name="iconqa",
    about="primary-school questions about icon images",
    license="CC BY-NC-SA 4.0",
    url="https://iconqa.github.io (iconqa_data.zip)",
    folders=("iconqa/iconqa_data", "iconqa"),
    layout="iconqa/train/<task>/<id>/data.json and image.png, or iconqa_data.zip",
    rows=rows,
    draft=draft,
    size=29_859,
    template=True,
)
