r"""GeoQA+: plane geometry of Chinese middle schools, in Chinese (Cao and Xiao 2022; GeoQA: arXiv 2105.14517).

License: none stated.
URL: https://github.com/SCNU203/GeoQA-Plus (Google Drive). The files are pickles, which
`mmk12.datasets.safe_pickle` decodes without running code.
Split: train, the 6,027 problems of GeoQA and GeoQA+ in `Mix-train.pk`, which the publisher's README also tells to
rename to `train.pk` (or the 3,499 of GeoQA alone in `GeoQA-train.pk`). `Backtrans-train.pk` holds the same problems in
other words and is not read.

One row (invented; `image` is an array of bytes, height x width). `token_list` has placeholders for its numbers; if
`subject` has them too, they are replaced (`restore_numbers`):

    Mix-train.pk
    {"id": 5127, "image": array(…), "subject": "如图,AB∥CD,∠1=40° …", "token_list": […, "N_0"], "numbers": [40.0],
     "choices": ["40°", "140°", "50°", "20√{3}"], "choice_nums": [40.0, 140.0, 50.0, 34.64], "label": 1,
     "answer": "故选B", "manual_program": ["g_minus", "C_3", "N_0"], "formal_point": ["A", "B"]}

Gold: the value of option `label` (from 0) as LaTeX in dollars if it can be checked without showing the options, else
its letter (`choice_gold`). The text stays Chinese (tag `lang`).
"""

from collections.abc import Iterable

from mmk12.datasets.declarations import Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import array_image, choice_gold, first_existing
from mmk12.datasets.sources._tokenized_text import restore_numbers
from mmk12.types import BrokenLine, RawSample, Row


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    return files.pickled(first_existing(files, "Mix-train.pk", "train.pk", "GeoQA-train.pk"))


def draft(row: Row) -> RawSample:
    text = restore_numbers(row["subject"], row["numbers"])
    question, gold = choice_gold(text, row["choices"], row["label"])
    return RawSample(str(row["id"]), question, gold, images=[array_image(row["image"])], tags={"lang": "zh"})


source = Source(
    name="geoqa_plus",
    about="plane geometry with diagrams, in Chinese, options removed",
    license="none stated",
    url="https://github.com/SCNU203/GeoQA-Plus (Google Drive)",
    folders=("geoqa_plus", "GeoQA-Plus", "GeoQA2.2"),
    layout="Mix-train.pk (or renamed to train.pk)",
    rows=rows,
    draft=draft,
    size=6_027,
)
