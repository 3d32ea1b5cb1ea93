r"""UniGeo, calculation problems: those of GeoQA in English (Chen et al. 2022, arXiv 2212.02746).

License: none stated.
URL: https://github.com/chen-judge/UniGeo (Google Drive). The file is a pickle, which `mmk12.datasets.safe_pickle`
decodes without running code.
Split: train, the 3,499 rows of `calculation_train.pk`. Proofs are not read.

One row (invented; `image` is an array of bytes, height x width). The English text is tokens, the numbers are taken out
of it (`restore_english`):

    calculation_train.pk
    {"id": 812, "English_problem": "As shown in the figure , A B parallel C D , angle 1 = N_0 , then angle 2 is ()",
     "subject": "如图,AB∥CD …", "image": array(…), "choices": ["40°", "140°", "50°", "20°"],
     "choice_nums": [40.0, 140.0, 50.0, 20.0], "label": 1, "numbers": [40.0],
     "manual_program": ["g_minus", "C_3", "N_0"], "answer": "故选B"}

Gold: the value of option `label` (from 0) as LaTeX in dollars if it can be checked without showing the options, else
its letter (`choice_gold`). Figures of which at least half is black or nearly black are left out: other readers of the
dataset found them unreadable. The problems are GeoQA's, so a recipe with both sources has some of them in two
languages, as the paper's mixture does.
"""

from collections.abc import Iterable

from mmk12.datasets.declarations import SkipRow, Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import array_image, choice_gold
from mmk12.datasets.sources._tokenized_text import restore_english
from mmk12.types import BrokenLine, RawSample, Row
from mmk12.utils.images import decode

DARK = 20
"""Gray levels below this value count as black."""


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    return files.pickled("calculation_train.pk")


def draft(row: Row) -> RawSample:
    text = restore_english(row["English_problem"], row["numbers"])
    question, gold = choice_gold(text, row["choices"], row["label"])
    figure = array_image(row["image"])
    greys = decode(figure)[0].convert("L").histogram()
    if sum(greys[:DARK]) * 2 >= sum(greys):
        raise SkipRow("the figure is mostly black")
    return RawSample(str(row["id"]), question, gold, images=[figure])


source = Source(
    name="unigeo",
    about="GeoQA's plane geometry in English, options removed",
    license="none stated",
    url="https://github.com/chen-judge/UniGeo (Google Drive)",
    folders=("unigeo", "UniGeo"),
    layout="calculation_train.pk",
    rows=rows,
    draft=draft,
    size=3_499,
)
