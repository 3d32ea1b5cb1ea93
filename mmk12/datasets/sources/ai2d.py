r"""AI2D: multiple choice about diagrams of primary-school science (Kembhavi et al. 2016, arXiv 1603.07396).

License: non-commercial; neither the data nor changed copies may be redistributed, so a mixture with these rows must
stay where it was built.
URL: https://registry.opendata.aws/allenai-diagrams (`ai2d-all.zip` is read in place).
Split: the 12,413 train questions, whose images are not listed in `ai2d_test_ids.csv`.

One row, a file per image (invented; `correctAnswer` counts from 0, and the question is the key):

    questions/1000.png.json
    {"imageName": "1000.png", "questions": {"How many stages are shown?": {"abcLabel": false,
     "answerTexts": ["3", "4", "5", "6"], "correctAnswer": 1, "questionId": "1000.png-0"}}}
    images/1000.png

Gold: the value of the right option if it can be checked without showing the options, else its letter (`choice_gold`).
Questions whose options are letters drawn into the image (`abcLabel`) are left out, because the upstream images do not
show these letters.
"""

from collections.abc import Iterable, Iterator

from mmk12.datasets.declarations import SkipRow, Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import choice_gold, first_existing, read_json_files
from mmk12.errors import MissingData
from mmk12.types import BrokenLine, RawSample, Row

URL = "https://registry.opendata.aws/allenai-diagrams"
TEST_IDS = "ai2d_test_ids.csv"
ROOTS = {"questions": "", "ai2d": "ai2d/", "ai2d-all.zip": "ai2d-all.zip/ai2d/"}


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    root = ROOTS[first_existing(files, *ROOTS)]
    if not files.path(TEST_IDS).is_file():
        raise MissingData(f"ai2d: without {TEST_IDS} the images of its test split are not known. Get it from {URL}.")
    test = {
        line.strip().removesuffix(".png") for line in files.path(TEST_IDS).read_text("utf-8", "replace").splitlines()
    }
    return _questions(read_json_files(files, f"{root}questions/*.json"), f"{root}images", test)


def _questions(pages: Iterable[Row | BrokenLine], folder: str, test: set[str]) -> Iterator[Row | BrokenLine]:
    for page in pages:
        if isinstance(page, BrokenLine):
            yield page
            continue
        name, questions = page.get("imageName"), page.get("questions")
        if not isinstance(name, str) or not isinstance(questions, dict):
            yield BrokenLine(page["file"], "no imageName or questions")
        elif name.removesuffix(".png") not in test:
            for question, answer in questions.items():
                yield {"question": question, "answer": answer, "image": f"{folder}/{name}"}


def draft(row: Row) -> RawSample:
    answer = row["answer"]
    if answer["abcLabel"]:
        raise SkipRow("the options are letters that the image does not show")
    if "{}" in answer["answerTexts"]:
        raise SkipRow("options are empty or repeated", " | ".join(answer["answerTexts"]))
    question, gold = choice_gold(row["question"], answer["answerTexts"], answer["correctAnswer"])
    return RawSample(answer["questionId"], question, gold, images=[row["image"]])


source = Source(
    name="ai2d",
    about="multiple choice about diagrams of primary-school science",
    license="non-commercial, no redistribution",
    url=f"{URL} (ai2d-all.zip, {TEST_IDS})",
    folders=("ai2d",),
    layout="ai2d-all.zip and ai2d_test_ids.csv",
    rows=rows,
    draft=draft,
    size=12_413,
    template=True,
)
