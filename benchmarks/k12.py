r"""K12-500: fill-in-the-blank mathematics of Chinese middle and high schools, one figure each (arXiv 2503.07365).

The benchmark that MM-Eureka introduced (section 3.1). It is not the test split of FanqingM/MMK12 (`mmk12_test`), which
has 2,000 multiple-choice questions.

License: Apache-2.0 (repository); none is stated for the data.
URL: https://github.com/ModalMinds/MM-EUREKA (branch qwen, `eval/k12/k12.json`).
Split: all 500.

One row (invented; on the hub `image` holds the encoded image):

    k12.json
    {"id": "0b1c…", "question": "As shown in the figure, $$AB=AC$$, then $$\\angle B=$$ ___.",
     "answer": "$$70^{\\circ}$$", "image_path": "images/0b1c….png"}

Grading: the published numbers come from GPT-4o, asked yes or no, with "no" after five failures.
"""

from collections.abc import Iterable

from mmk12 import Benchmark, Files, Gold, HubDataset, PublishedResult, RawSample, Row, classify_gold

HUB = HubDataset("lmms-lab-encoder/k12", split="train")


def rows(files: Files) -> Iterable[Row]:
    return files.hub(HUB) if files.folder is None else files.json("k12.json")


def draft(row: Row) -> RawSample:
    image = row["image"]["bytes"] if "image" in row else row["image_path"]
    gold = Gold(row["answer"])
    return RawSample(row["id"], row["question"], gold, images=[image], tags={"answer_type": classify_gold(gold).type})


def _published(model: str, accuracy: float) -> PublishedResult:
    return PublishedResult(
        model, accuracy, grader="GPT-4o yes/no", source="MM-Eureka, arXiv 2503.07365, tables 2 and 3", protocol="paper"
    )


benchmark = Benchmark(
    name="k12",
    about="500 fill-in-the-blank K12 questions with one figure each",
    license="Apache-2.0 (repository)",
    url="https://github.com/ModalMinds/MM-EUREKA (branch qwen, folder eval/k12)",
    folders=("k12", "eval/k12", "k12_benchmark"),
    layout="k12.json and images/*.png",
    size=500,
    rows=rows,
    draft=draft,
    groups=("answer_type",),
    published=(
        _published("InternVL2.5-8B-Instruct", 24.8),
        _published("InternVL2.5-8B-Instruct + SFT", 20.6),
        _published("InternVL2.5-8B-MPO", 19.4),
        _published("MAmmoTH-VL-8B", 24.8),
        _published("MM-Eureka-8B", 27.0),
        _published("InternVL2.5-38B-Pretrained", 38.2),
        _published("InternVL2.5-38B-Instruct", 37.2),
        _published("MM-Eureka-Zero-38B", 46.4),
    ),
    hub=HUB,
    content="bb82f12bf20729bdf8533e5dcf155770874a25c427931fdca7f06e82228fc2a6",
)
