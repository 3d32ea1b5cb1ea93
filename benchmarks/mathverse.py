r"""MathVerse: 788 problems, each in five versions that move the text into the figure (Zhang et al. 2024, 2403.14624).

License: MIT.
URL: https://huggingface.co/datasets/AI4Math/MathVerse
Split: testmini, 3,940 items. The versions of one problem are correlated, so intervals are over problems. A sixth
version without images is `mathverse:text_only` (788); `mathverse:vision_only` (788) is the version with the whole
problem in the figure, which the Open LMM Reasoning Leaderboard calls MathVerse.

One row (invented; on the hub `image` holds the encoded image):

    data/testmini.json
    {"sample_index": "7", "problem_index": "2", "problem_version": "Text Lite",
     "question": "As shown in the figure, angle 1 = 40.0. What is angle 2?\nChoices:\nA:40°\nB:50°\nC:140°",
     "image": "images_version_1-4/image_2.png", "answer": "C", "question_type": "multi-choice",
     "metadata": {"split": "testmini", "source": "GeoQA", "subject": "Plane Geometry", "subfield": "Angle"},
     "query_wo": "Please directly answer the question and provide the correct option letter, e.g., A, B, C, D.\n…",
     "query_cot": "Please first conduct reasoning, and then …\nQuestion: …\nChoices:\nA:40°\nB:50°\nC:140°"}

Question: `query_cot`, as in MM-Eureka.

Errors of the release that are fixed for our grading, never for `official`: two degree signs are mojibake (118掳T), 92
golds have a label (`Area $=9 \pi \mathrm{cm}^{2}$`), bearings end in a T that answers leave out, and two golds are a
pair of letters on two lines. Golds in prose ("increasing on …") stay as they are: no rule grades them. A gold with
decimals is a rounded value, so an answer that rounds to it is right ($288 \pi$ for `904.78`). No labeled
responses are at hand: see docs/evaluation.md.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from mmk12 import Benchmark, Files, Gold, HubDataset, PublishedResult, RawSample, Row, classify_gold, find_options

HUB = HubDataset(
    "AI4Math/MathVerse", config="testmini", split="testmini", revision="96641f2457cd16c28be227a47371e41366d9607e"
)
LABEL = re.compile(r"\s*[A-Z][A-Za-z. ]+\$\s*=\s*")
BEARING = re.compile(r"\s*(\d+)\s*(?:\^\\circ|°)\s*T")
DECIMALS = re.compile(r"\d\.(\d+)")
LETTERS = re.compile(r"[A-F](?:\n[A-F])+")
VISION_ONLY = "Vision Only"
PAPER = {
    "InternVL2.5-8B-Instruct": 39.5,
    "InternVL2.5-8B-Instruct + SFT": 28.9,
    "InternVL2.5-8B-MPO": 33.3,
    "MAmmoTH-VL-8B": 35.0,
    "MM-Eureka-8B": 40.4,
    "InternVL2.5-38B-Pretrained": 44.8,
    "InternVL2.5-38B-Instruct": 49.4,
    "MM-Eureka-Zero-38B": 48.9,
}


def rows(config: str) -> Callable[[Files], Iterable[Row]]:
    def read(files: Files) -> Iterable[Row]:
        if files.folder is None:
            return files.hub(replace(HUB, config=config, split=config))
        upstream: list[Row] = files.json(f"data/{config}.json")
        return upstream

    return read


def vision_only_rows(files: Files) -> Iterable[Row]:
    return (row for row in rows("testmini")(files) if row["problem_version"] == VISION_ONLY)


def draft(row: Row) -> RawSample:
    path, metadata = row["image"], row["metadata"]
    version, subject, subfield = row["problem_version"], metadata["subject"], metadata["subfield"]
    tags = {
        "version": version,
        "subject": subject,
        "subfield": f"{subject} × {subfield}",
        "version × subject": f"{version} × {subject}",
        "version × subfield": f"{version} × {subject} × {subfield}",
        "question_type": row["question_type"],
        "source": metadata["source"],
    }
    image = path["bytes"] if isinstance(path, dict) else f"data/images/{path}"
    return RawSample(
        row["sample_index"],
        row["query_cot"],
        gold(row),
        images=[image] if path else [],
        tags=tags,
        cluster=row["problem_index"],
    )


def gold(row: Row) -> Gold:
    """Returns the answer, fixed where the release prints it in a form that no right response would have."""
    printed: str = row["answer"]
    text = LABEL.sub("$", printed.replace("掳", "°"))
    if row["question_type"] != "multi-choice":
        text = BEARING.sub(r"\1^{\\circ} (or \1^{\\circ} T)", text)
        measured = classify_gold(text).type in ("number", "number with unit") and DECIMALS.search(text)
        precision = len(measured[1]) if measured else None
        return Gold(text, precision=precision, released=printed if text != printed else None)
    if LETTERS.fullmatch(text):
        return Gold(text.replace("\n", ", "), "list", released=printed)
    return Gold(text, "choice", find_options(row["question"] or row.get("question_for_eval") or ""))


benchmark = Benchmark(
    name="mathverse",
    about="788 problems in five versions of text and figure, testmini",
    license="MIT",
    url="https://huggingface.co/datasets/AI4Math/MathVerse",
    folders=("mathverse", "MathVerse"),
    layout="data/testmini.json and data/images/images_version_*/*.png (images.zip)",
    size=3940,
    rows=rows("testmini"),
    draft=draft,
    groups=("version", "subject", "subfield", "version × subject", "version × subfield", "question_type", "source"),
    published=tuple(
        PublishedResult(
            model,
            accuracy,
            "GPT-4o extraction and GPT-4o match",
            "MM-Eureka, arXiv 2503.07365, tables 2 and 3",
            "paper",
        )
        for model, accuracy in PAPER.items()
    ),
    hub=HUB,
    official="mathverse",
)

variants = {
    "text_only": replace(
        benchmark,
        name="mathverse:text_only",
        about="788 problems in words alone, testmini_text_only",
        layout="data/testmini_text_only.json",
        size=788,
        rows=rows("testmini_text_only"),
        published=(),
        hub=replace(HUB, config="testmini_text_only", split="testmini_text_only"),
    ),
    "vision_only": replace(
        benchmark,
        name="mathverse:vision_only",
        about="788 problems wholly in the figure, of testmini",
        size=788,
        rows=vision_only_rows,
        groups=("subject", "subfield", "question_type", "source"),
        published=(),
    ),
}
