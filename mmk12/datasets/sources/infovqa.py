r"""InfographicVQA: questions about infographics (Mathew et al. 2022, arXiv 2104.12756).

License: none stated; research use after registration.
URL: https://rrc.cvc.uab.es/?ch=17 (Robust Reading Competition, challenge 17, task 3). The hub copies hold val and test
only.
Split: train, 23,946 questions.

One row (invented):

    infographicsVQA_train_v1.0.json
    {"dataset_name": "infographicVQA", "dataset_version": "1.0", "dataset_split": "train", "data": [{"questionId": 8,
     "question": "What percentage use trains?", "image_local_name": "20471.jpeg", "image_url": "https://…",
     "ocr_output_file": "20471.json", "answers": ["75%", "75"], "data_split": "train"}]}
    images/20471.jpeg

Gold: the first answer in dollars, if all answers are numbers and equal.
"""

from collections.abc import Iterable, Iterator

from mmk12.datasets.declarations import SkipRow, Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import first_existing, number_gold
from mmk12.types import BrokenLine, Gold, RawSample, Row

QUESTIONS = "infographicsVQA_train_v1.0.json"
PLACES = (QUESTIONS, f"infographicsvqa_qas/{QUESTIONS}", f"qas/{QUESTIONS}")


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    return _rows(files, first_existing(files, "images", "infographicsvqa_images"))


def _rows(files: Files, folder: str) -> Iterator[Row | BrokenLine]:
    for row in files.items(first_existing(files, *PLACES), "data"):
        yield row if isinstance(row, BrokenLine) else {**row, "folder": folder}


def draft(row: Row) -> RawSample:
    if row["data_split"] != "train":
        raise SkipRow("not in the train split", str(row["data_split"]))
    golds = [number_gold(answer) for answer in row["answers"]]
    if len({gold.strip("$").removesuffix("\\%") for gold in golds}) != 1:
        raise SkipRow("the answers differ", " | ".join(row["answers"])[:200])
    image = f"{row['folder']}/{row['image_local_name']}"
    return RawSample(str(row["questionId"]), row["question"], Gold(golds[0]), images=[image])


source = Source(
    name="infovqa",
    about="infographics, questions with numeric answers",
    license="none stated; research use after registration",
    url="https://rrc.cvc.uab.es/?ch=17 (task 3)",
    folders=("infovqa", "infographicvqa", "InfographicVQA"),
    layout=f"{QUESTIONS} and images/*.jpeg",
    rows=rows,
    draft=draft,
    size=23_946,
)
