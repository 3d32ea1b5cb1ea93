r"""GeoS: geometry questions of the SAT (Seo et al. 2015, EMNLP).

License: none stated.
URL: https://geometry.allenai.org
Split: the folder `aaai`, the train split; `practice` and `official` are the test sets of the paper, and MathVista and
MathVerse hold questions of them. So few rows cannot give the 209 of figure 1, which counts MMPR's rewritten variants.

One row, a pair of files per question (invented; options count from 1):

    aaai/012.json
    {"text": "In the figure above, AB = 6. What is the length of AC?", "choices": {"1": "3", "2": "3*\\sqrt{3}",
     "3": "6", "4": "9", "5": "12"}, "answer": "3"}
    aaai/012.png

Gold: the value of the right option in dollars if it can be checked without showing the options, else its letter
(`choice_gold`).
"""

from collections.abc import Iterable

from mmk12.datasets.declarations import Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import choice_gold, read_json_files
from mmk12.types import BrokenLine, RawSample, Row


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    return read_json_files(files, "aaai/*.json")


def draft(row: Row) -> RawSample:
    options = [row["choices"][str(number)] for number in range(1, len(row["choices"]) + 1)]
    question, gold = choice_gold(row["text"], options, int(row["answer"]) - 1)
    name = row["file"].removesuffix(".json")
    return RawSample(name, question, gold, images=[f"{name}.png"])


source = Source(
    name="geos",
    about="geometry questions of the SAT, options removed",
    license="none stated",
    url="https://geometry.allenai.org",
    folders=("geos", "GeoS"),
    layout="aaai/<n>.json and aaai/<n>.png",
    rows=rows,
    draft=draft,
)
