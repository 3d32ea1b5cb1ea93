r"""GeoQA+: plane geometry of Chinese middle schools, in Chinese (Cao and Xiao 2022; GeoQA: arXiv 2105.14517).

No licence is stated; the files are on Google Drive. Only `Mix-train.pk`, the 6,027 train problems of GeoQA and GeoQA+
(or `GeoQA-train.pk`, the 3,499 of GeoQA alone). `Backtrans-train.pk` is the same problems in other words and is not
read. The files are pickles: `mmk12.datasets.safe_pickle` reads them without running them. One row (invented; `image`
is an array of bytes, height x width x 3):

    {"id": 5127, "image": array(…), "subject": "如图,AB∥CD,∠1=N_0 …", "token_list": […], "numbers": [40.0],
     "choices": ["40°", "140°", "50°", "20√{3}"], "choice_nums": [40.0, 140.0, 50.0, 34.64], "label": 1,
     "answer": "故选B", "manual_program": ["g_minus", "C_3", "N_0"], "formal_point": ["A", "B"]}

Gold: the value of option `label` (from 0), as LaTeX in dollars, the options not shown; see `_choices` for the others.
The text stays Chinese (tag `lang`).
"""

from collections.abc import Iterable

from mmk12.datasets.declarations import Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources import _helpers
from mmk12.datasets.sources._helpers import first_of, image_from_array
from mmk12.types import BrokenLine, RawSample, Row


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    return files.pickled(first_of(files, "Mix-train.pk", "GeoQA-train.pk"))


def draft(row: Row) -> RawSample:
    question, gold = _helpers.choice_gold(row["subject"], row["choices"], row["label"])
    return RawSample(str(row["id"]), question, gold, images=[image_from_array(row["image"])], tags={"lang": "zh"})


source = Source(
    name="geoqa_plus",
    about="plane geometry with diagrams, in Chinese, options removed",
    license="none stated",
    url="https://github.com/SCNU203/GeoQA-Plus (Google Drive)",
    folders=("geoqa_plus", "GeoQA-Plus", "GeoQA2.2"),
    layout="Mix-train.pk",
    rows=rows,
    draft=draft,
    size=6_027,
)
