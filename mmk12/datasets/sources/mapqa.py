r"""MapQA: questions about choropleth maps of the United States (Chang et al. 2022, arXiv 2211.08545).

License: CC BY-SA 4.0.
URL: https://github.com/OSU-slatelab/MapQA (OneDrive).
Split: train, of the three parts MapQA_U, MapQA_S and MapQA_R, which the archive calls MapQA_V.

One row (invented):

    MapQA_U/questions/train-QA.json
    [{"question_id": 5, "map_id": "map_7.png", "question_type": "retrieval", "question_template_id": "retrieval_3",
      "question": "How many states are in the range 10-20 ?", "answer": "4"}]
    MapQA_U/images/map_7.png

Id: part, map and question, because it is not said that `question_id` is unique over the maps.

Gold: the number in dollars, also if it is the only item of a list. Names of states, ranges and yes or no are left out,
which is nearly all: figure 1 has 26 rows.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath

from mmk12.datasets.declarations import SkipRow, Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import number_gold
from mmk12.types import BrokenLine, Gold, RawSample, Row

PARTS = ("U", "R", "V", "S")


def rows(files: Files) -> Iterator[Row | BrokenLine]:
    for part in PARTS:
        for row in files.items(f"MapQA_{part}/questions/train-QA.json", "questions"):
            yield row if isinstance(row, BrokenLine) else {**row, "part": part}


def draft(row: Row) -> RawSample:
    answers = row["answer"] if isinstance(row["answer"], list) else [row["answer"]]
    if len(answers) != 1:
        raise SkipRow("the answer is not a number", " | ".join(map(str, answers))[:200])
    image = f"MapQA_{row['part']}/images/{row['map_id']}"
    name = f"{row['part']}/{PurePosixPath(row['map_id']).stem}-{row['question_id']}"
    return RawSample(
        name, row["question"], Gold(number_gold(answers[0])), images=[image], tags={"type": row["question_type"]}
    )


source = Source(
    name="mapqa",
    about="maps of the United States, questions with numeric answers",
    license="CC BY-SA 4.0",
    url="https://github.com/OSU-slatelab/MapQA (OneDrive)",
    folders=("mapqa", "MapQA"),
    layout="MapQA_<U|R|S>/questions/train-QA.json and MapQA_<U|R|S>/images/*.png",
    rows=rows,
    draft=draft,
    template=True,
)
