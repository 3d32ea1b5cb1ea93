r"""MMK12 test: 2,000 multiple-choice questions of Chinese schools in four subjects, by the authors of MM-Eureka.

It is not the K12 benchmark of the paper (`k12`, 500 fill-in-the-blank questions). It came later and has 500 questions
each in mathematics, physics, chemistry and biology.

License: Apache-2.0 according to third parties; the dataset card states none.
URL: https://huggingface.co/datasets/FanqingM/MMK12
Split: test, 2,000 items.

One row (invented; in parquet `image` holds the encoded image):

    data/test-00000-of-00001.parquet
    {"id": "5f3c…", "question": "Which curve shows the motion?\nA. curve 1\nB. curve 2\nC. curve 3\nD. none of them",
     "answer": "B", "subject": "physics", "image": {"bytes": "", "path": null}}

Question: unchanged; its options are lines of the text.
"""

from collections.abc import Iterable, Iterator

from mmk12 import Benchmark, Files, Gold, HubDataset, RawSample, Row, find_options

HUB = HubDataset("FanqingM/MMK12", split="test")


def rows(files: Files) -> Iterable[Row]:
    return files.hub(HUB) if files.folder is None else _folder_rows(files)


def _folder_rows(files: Files) -> Iterator[Row]:
    yield from files.parquet("data/test-*.parquet")


def draft(row: Row) -> RawSample:
    gold = Gold(row["answer"], "choice", find_options(row["question"]))
    images = [row["image"]["bytes"]] if row["image"] else []
    return RawSample(str(row["id"]), row["question"], gold, images=images, tags={"subject": row["subject"]})


benchmark = Benchmark(
    name="mmk12_test",
    about="2,000 multiple-choice K12 questions in four subjects (MMK12, test split)",
    license="Apache-2.0 (as third parties say)",
    url="https://huggingface.co/datasets/FanqingM/MMK12",
    folders=("mmk12_test", "MMK12"),
    layout="data/test-*.parquet",
    size=2000,
    rows=rows,
    draft=draft,
    groups=("subject",),
    hub=HUB,
)
