r"""OlympiadBench: open-ended olympiad problems with figures (He et al. 2024, arXiv 2402.14008).

License: Apache-2.0 (hub), MIT (repository).
URL: https://huggingface.co/datasets/Hothan/OlympiadBench
Split: the configuration OE_MM_maths_en_COMP, 150 problems, which MM-Eureka reports. The other open-ended configurations
are variants: `olympiadbench:OE_TO_maths_en_COMP`. Proofs (TP) cannot be graded by rule.

One row (invented; on the hub `image_1` to `image_5` hold images or null, in the repository's own release the tags are
`<img_123>` for images/img_123.jpg):

    OE_MM_maths_en_COMP/OE_MM_maths_en_COMP.parquet
    {"id": 7, "question": "The circle <image_1> has radius 2. Find its area and its perimeter.", "solution": ["…"],
     "final_answer": ["$4\\pi$,$4\\pi$"], "context": null, "image_1": {"bytes": "", "path": null}, "image_2": null,
     "image_3": null, "image_4": null, "image_5": null, "modality": "Multimodal", "difficulty": "Competition",
     "is_multiple_answer": true, "unit": null, "answer_type": "Numerical", "error": null,
     "question_type": "Open-ended", "subfield": "Geometry", "subject": "Math", "language": "English"}

Question: `context` if there is one, then the question, as in MM-Eureka. Grading: several answers are right in any
order; `error` is an absolute tolerance (the smallest, if a problem gives one per answer), never for tuples and never
times 100. docs/evaluation.md says on which labeled responses it was measured.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from mmk12 import IMAGE_MARK, Benchmark, Files, Gold, HubDataset, PublishedResult, RawSample, Row

CONFIG = "OE_MM_maths_en_COMP"
HUB = HubDataset("Hothan/OlympiadBench", config=CONFIG, split="train")
TAG = re.compile(r"<(?:image|img)_(\d+)>")
IMAGE_FIELDS = tuple(f"image_{number}" for number in range(1, 6))
OTHERS = {
    "OE_MM_maths_zh_CEE": 1910,
    "OE_MM_maths_zh_COMP": 56,
    "OE_MM_physics_en_COMP": 456,
    "OE_MM_physics_zh_CEE": 1483,
    "OE_TO_maths_en_COMP": 674,
    "OE_TO_maths_zh_CEE": 1240,
    "OE_TO_maths_zh_COMP": 408,
    "OE_TO_physics_en_COMP": 236,
    "OE_TO_physics_zh_CEE": 115,
}
PAPER = {
    "InternVL2.5-8B-Instruct": 8.0,
    "InternVL2.5-8B-Instruct + SFT": 6.6,
    "InternVL2.5-8B-MPO": 10.0,
    "MAmmoTH-VL-8B": 10.0,
    "MM-Eureka-8B": 8.6,
    "InternVL2.5-38B-Pretrained": 28.7,
    "InternVL2.5-38B-Instruct": 29.3,
    "MM-Eureka-Zero-38B": 37.3,
}


def rows(config: str) -> Callable[[Files], Iterable[Row]]:
    def read(files: Files) -> Iterable[Row]:
        if files.folder is None:
            return files.hub(replace(HUB, config=config))
        if files.glob(f"**/{config}.parquet"):
            return files.parquet(f"**/{config}.parquet")
        places = files.names(f"**/{config}.json") + files.names(f"{config}/*.json")
        upstream: list[Row] = files.json(places[0] if places else f"{config}.json")
        return upstream

    return read


def draft(row: Row) -> RawSample:
    question = "\n".join(part for part in (row["context"], row["question"]) if part)
    numbers = TAG.findall(question)
    by_number = {name.removeprefix("image_"): row[name]["bytes"] for name in IMAGE_FIELDS if row.get(name)}
    images = [by_number[number] if by_number else f"images/img_{number}.jpg" for number in numbers]
    # An image that the text does not refer to goes behind it; without any reference, all go in front.
    others = [image for number, image in by_number.items() if number not in numbers]
    question = TAG.sub(IMAGE_MARK, question) + (IMAGE_MARK * len(others) if numbers else "")
    tags = {
        "subfield": row["subfield"],
        "answer_type": row["answer_type"],
        "answers": "several" if row["is_multiple_answer"] else "one",
    }
    return RawSample(str(row["id"]), question, gold(row), images=images + others, tags=tags)


def gold(row: Row) -> Gold:
    """Returns the answer with its tolerance; a percentage keeps its sign, other units are optional."""
    answer, unit, error = ", ".join(row["final_answer"]), row["unit"], row["error"]
    percent = unit is not None and unit.strip("$\\ ") == "%"
    graded = error if error and "Tuple" not in row["answer_type"] else ""
    return Gold(
        f"{answer} %" if percent else answer,
        "list" if row["is_multiple_answer"] else "math",
        unit=unit,
        tolerance=min((float(one) for one in graded.split(",") if one), default=None),
        released=answer if percent else None,
    )


benchmark = Benchmark(
    name="olympiadbench",
    about=f"open-ended olympiad problems, {CONFIG}",
    license="Apache-2.0",
    url="https://huggingface.co/datasets/Hothan/OlympiadBench",
    folders=("olympiadbench", "OlympiadBench"),
    layout="<config>/<config>.parquet, or <config>.json and images/img_*.jpg",
    size=150,
    rows=rows(CONFIG),
    draft=draft,
    groups=("subfield", "answer_type", "answers"),
    published=tuple(
        PublishedResult(model, accuracy, "GPT-4o yes/no", "MM-Eureka, arXiv 2503.07365, tables 2 and 3", "paper")
        for model, accuracy in PAPER.items()
    ),
    hub=HUB,
    official="olympiadbench",
)

variants = {
    config: replace(
        benchmark,
        name=f"olympiadbench:{config}",
        about=f"open-ended olympiad problems, {config}",
        size=size,
        rows=rows(config),
        published=(),
        hub=replace(HUB, config=config),
    )
    for config, size in OTHERS.items()
}
