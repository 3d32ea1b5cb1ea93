r"""MATH-Vision: competition mathematics with a figure, 16 subjects, 5 levels (Wang et al. 2024, arXiv 2402.14804).

License: MIT.
URL: https://huggingface.co/datasets/MathLLMs/MathVision
Split: test, 3,040 problems; `mathvision:testmini` has 304 of them.

One row (invented; on the hub `decoded_image` holds the encoded image):

    data/test.jsonl
    {"id": "7", "question": "Which figure completes the row?\n<image1>\nIt starts with <image2>.",
     "options": ["square", "circle", "star", "cross", "none"], "answer": "B", "solution": null, "level": 2,
     "subject": "logic", "image": "images/7.jpg"}

Question: text and options as in MM-Eureka (no options if they are just the letters A to E); upstream's template
`original` adds a sentence about \boxed{}, which our `plain` does not. Each row has one image, which contains everything
that the question calls `<image1>`, `<image2>`, …: it goes in front, a single tag is removed, and several tags (335
rows) become the words "image 1", "image 2".

Errors of the release: 59 and 434 are free-form with the answer C (graded as choices without options); four golds hold a
form feed or a unit in braces, and the authors corrected two more after the pinned revision, which is the one that the
paper could have used (FIXED for our grading, never for `official`); 2828, 2833, 2875 and 2877 are boxed and 2521 ends
in a space (read as meant); 1843 and 1893 repeat an option; 2673 and 2683 refer to no image.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from mmk12 import Benchmark, BrokenLine, Files, Gold, HubDataset, PublishedResult, RawSample, Row, letter_options

HUB = HubDataset("MathLLMs/MathVision", split="test", revision="e51be430afcd11d07c4d7b8ce8fe24597a602561")
TAG = re.compile(r"<image(\d+)>")
FIXED = {
    "338": "D",  # released as B
    "1826": "E",  # released as D: a third of 1/2, of 2/3 and of 2/4 makes 5/9
    "2830": r"\frac{36}{13}",  # a form feed for \f
    "2947": r"69^{\circ}",  # {degrees}
    "3007": r"8\sqrt{3}",  # {squareinches}, named in the question
    "3008": r"\frac{3}{4}\pi",  # {inches}, named in the question
}
PAPER = {
    "InternVL2.5-8B-Instruct": 19.7,
    "InternVL2.5-8B-Instruct + SFT": 17.7,
    "InternVL2.5-8B-MPO": 20.8,
    "MAmmoTH-VL-8B": 24.4,
    "MM-Eureka-8B": 22.2,
    "InternVL2.5-38B-Pretrained": 27.6,
    "InternVL2.5-38B-Instruct": 31.8,
    "MM-Eureka-Zero-38B": 26.6,
}


def rows(split: str) -> Callable[[Files], Iterable[Row | BrokenLine]]:
    def read(files: Files) -> Iterable[Row | BrokenLine]:
        return files.hub(replace(HUB, split=split)) if files.folder is None else files.jsonl(f"data/{split}.jsonl")

    return read


def draft(row: Row) -> RawSample:
    options, answer = row["options"], row["answer"]
    option_lines = "" if "".join(options) == "ABCDE" else letter_options(options)
    question = row["question"] + "\n" + option_lines
    single = len(TAG.findall(question)) == 1
    question = TAG.sub("" if single else r"image \1", question)
    choices = tuple(TAG.sub(r"image \1", option) for option in options)
    fixed = FIXED.get(row["id"])
    letter = choices or re.fullmatch("[A-E]", answer)
    gold = Gold(fixed or answer, "choice" if letter else "math", choices, released=fixed and answer)
    subject, level = row["subject"], str(row["level"])
    tags = {"subject": subject, "level": level, "subject × level": f"{subject} × {level}"}
    tags["type"] = "choice" if choices else "free"
    image = row["decoded_image"]["bytes"] if "decoded_image" in row else row["image"]
    return RawSample(row["id"], question.strip(), gold, images=[image], tags=tags)


benchmark = Benchmark(
    name="mathvision",
    about="competition mathematics with a figure, test",
    license="MIT",
    url="https://huggingface.co/datasets/MathLLMs/MathVision",
    folders=("mathvision", "MathVision", "MATH-V"),
    layout="data/test.jsonl and images/*.jpg",
    size=3040,
    rows=rows("test"),
    draft=draft,
    groups=("subject", "level", "type", "subject × level"),
    published=tuple(
        PublishedResult(
            model, accuracy, "GPT-4o extraction, then rules", "MM-Eureka, arXiv 2503.07365, tables 2 and 3", "paper"
        )
        for model, accuracy in PAPER.items()
    ),
    hub=HUB,
    official="mathvision",
)

variants = {
    "testmini": replace(
        benchmark,
        name="mathvision:testmini",
        about="competition mathematics with a figure, testmini",
        layout="data/testmini.jsonl and images/*.jpg",
        size=304,
        rows=rows("testmini"),
        published=(),
        hub=replace(HUB, split="testmini"),
    )
}
