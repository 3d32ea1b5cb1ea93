r"""MathVista: mathematics in images of 31 sources, from charts to geometry (Lu et al. 2024, arXiv 2310.02255).

License: CC BY-SA 4.0; use for training is prohibited.
URL: https://huggingface.co/datasets/AI4Math/MathVista
Split: testmini, 1,000 items, which papers report. The 5,141 answers of `test` are not published, so `mathvista:test`
generates responses and cannot grade them.

One row, in an object by pid (invented; on the hub `decoded_image` holds the encoded image):

    data/testmini.json
    {"pid": "7", "question": "What is the height of the tallest bar?", "image": "images/7.jpg", "choices": null,
     "unit": "g", "precision": 1.0, "answer": "1.5", "question_type": "free_form", "answer_type": "float",
     "metadata": {"category": "general-vqa", "context": "bar chart", "grade": "daily life", "img_height": 300,
     "img_width": 400, "language": "english", "skills": ["statistical reasoning", "numeric commonsense"],
     "source": "PlotQA", "split": "testmini", "task": "figure question answering"}}

Question: as upstream (`query` on the hub): hint, question, unit, options.

Errors of the release: 504 of the 1,000 rows come from families that MM-Eureka trains on; pids 587, 740 and 781 repeat
an option (781: both are right).
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from mmk12 import Benchmark, Files, Gold, HubDataset, PublishedResult, RawSample, Row, letter_options

HUB = HubDataset("AI4Math/MathVista", split="testmini", revision="2b6ad69445fbb5695c9b165475e8decdbeb97747")
LETTER = re.compile(r"\(?[A-Za-z]\)?")
LABELS = ("task", "skills", "source", "context", "grade", "category", "language")
HINTS = {
    "text": "provide the correct option letter, e.g., A, B, C, D, at the end.",
    "integer": "provide the final value, e.g., 1, 2, 3, at the end.",
    "float1": "provide the final value, e.g., 1.2, 1.3, 1.4, at the end.",
    "float2": "provide the final value, e.g., 1.23, 1.34, 1.45, at the end.",
    "list": "provide the final list, e.g., [1, 2, 3], [1.2, 1.3, 1.4], at the end.",
}
REQUIRES = {
    "text": "",
    "integer": " requiring an integer answer",
    "float1": " requiring a floating-point number with one decimal place",
    "float2": " requiring a floating-point number with two decimal places",
    "list": " requiring a Python list as an answer",
}
PAPER = {
    "InternVL2.5-8B-Instruct": 64.4,
    "InternVL2.5-8B-Instruct + SFT": 54.5,
    "InternVL2.5-8B-MPO": 66.3,
    "MAmmoTH-VL-8B": 67.6,
    "MM-Eureka-8B": 67.1,
    "InternVL2.5-38B-Pretrained": 60.9,
    "InternVL2.5-38B-Instruct": 71.9,
    "MM-Eureka-Zero-38B": 64.2,
}


def rows(split: str) -> Callable[[Files], Iterable[Row]]:
    def read(files: Files) -> Iterable[Row]:
        if files.folder is None:
            return files.hub(replace(HUB, split=split))
        upstream = files.json(f"data/{split}.json")
        return upstream.values() if isinstance(upstream, dict) else upstream

    return read


def draft(row: Row) -> RawSample:
    choices = tuple(row["choices"] or ())
    precision = None if row["precision"] is None else int(row["precision"])
    kind = f"float{precision}" if row["answer_type"] == "float" else row["answer_type"]
    question = f"Hint: Please answer the question{REQUIRES[kind]} and {HINTS[kind]}\nQuestion: {row['question']}"
    if row["unit"]:
        question += f" (Unit: {row['unit']})"
    if choices:
        question += f"\nChoices:\n{letter_options(choices)}"
    tags = {"question_type": row["question_type"], "answer_type": row["answer_type"]}
    for label in LABELS:
        value = row["metadata"][label]
        tags[label] = value if isinstance(value, str) else tuple(value)
    image = row["decoded_image"]["bytes"] if "decoded_image" in row else row["image"]
    return RawSample(row["pid"], question.strip(), gold(row, choices, precision), images=[image], tags=tags)


def gold(row: Row, choices: tuple[str, ...], precision: int | None) -> Gold:
    """Returns the answer: the text of an option, or its letter if the text looks like a letter (`(b)` as option E)."""
    answer = row["answer"]
    if answer in choices and LETTER.fullmatch(answer):
        return Gold(chr(ord("A") + choices.index(answer)), "choice", choices, released=answer)
    if row["answer_type"] == "list" and answer:
        # Brackets may be left out, as around the coordinates of a point; the order matters.
        return Gold(f"{answer} (or ({answer.strip('[]')}))", released=answer)
    return Gold(answer, "choice" if choices else "number", choices, precision, row["unit"])


benchmark = Benchmark(
    name="mathvista",
    about="mathematics in images of 31 sources, testmini",
    license="CC BY-SA 4.0, not for training",
    url="https://huggingface.co/datasets/AI4Math/MathVista",
    folders=("mathvista", "MathVista"),
    layout="data/testmini.json and images/*.jpg (images.zip)",
    size=1000,
    rows=rows("testmini"),
    draft=draft,
    groups=("task", "skills", "question_type", "answer_type", "source", "context", "grade", "category", "language"),
    published=tuple(
        PublishedResult(
            model, accuracy, "GPT-4o extraction, then rules", "MM-Eureka, arXiv 2503.07365, tables 2 and 3", "paper"
        )
        for model, accuracy in PAPER.items()
    ),
    hub=HUB,
    official="mathvista",
)

variants = {
    "test": replace(
        benchmark,
        name="mathvista:test",
        about="mathematics in images of 31 sources, test (answers not published: nothing is graded)",
        layout="data/test.json and images/*.jpg (images.zip)",
        size=5141,
        rows=rows("test"),
        published=(),
        hub=replace(HUB, split="test"),
    )
}
