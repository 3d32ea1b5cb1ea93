r"""DynaMath: 501 seed problems, each in ten variants with other numbers or figures (Zou et al. 2024, arXiv 2411.00836).

License: Apache-2.0.
URL: https://huggingface.co/datasets/DynaMath/DynaMath_Sample
Split: sample_variant1 to sample_variant10, 501 rows each. The variants of one seed are correlated, so intervals are
over seeds.

One row (invented; on the hub `decoded_image` holds the encoded image, and variant is the split's):

    data/sample_variant3-00000-of-00001.parquet
    {"id": "7", "variant": 3, "question": "What is the period of the function?", "image": "images/7.png",
     "ground_truth": "2.0944", "answer_type": "float", "subject": "analytic geometry", "knowledge_level": "high school",
     "decoded_image": {"bytes": "", "path": null}}

Question: as it is, with upstream's two sentences on the form of a number if the answer is one
(`evaluation/opensource_json_eval.py`); the demand for JSON is left out. Grading: a number may be off by 0.001, as
upstream says, because golds are rounded. In the generator's own layout (`dataset/trial*/dataset.json`) the rows are an
object by seed, with `answer` and `level`.

Metrics: the average over all items, and the worst case, the share of seeds with all ten variants right, which papers
print; their quotient is the paper's reasoning robustness. VLMEvalKit's primary number is the average.

Errors of the release: a subject with several blanks in it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from mmk12 import (
    Benchmark,
    Files,
    Gold,
    Graded,
    HubDataset,
    PublishedResult,
    Rate,
    RawSample,
    Row,
    find_inline_options,
    find_options,
    ratio,
    share,
)

HUB = HubDataset("DynaMath/DynaMath_Sample", split="sample_variant1")
VARIANTS = 10
FORM = (
    " Please answer in a floating-point number."
    " If the answer is a numerical value, format it as a three-digit floating-point number."
)
TOLERANCE = 0.001
FLAGS = {
    "GPT-4o": (63.33, 34.73),
    "Claude-3.5": (64.83, 35.73),
    "InternVL2-8B": (39.34, 10.38),
    "Qwen2-VL-7B": (42.14, 13.77),
}
"""Average and worst case, computed from the 5,010 flags per model that upstream publishes."""


def rows(files: Files) -> Iterator[Row]:
    for number in range(1, VARIANTS + 1):
        for row in _read_variant(files, number):
            yield {**row, "variant": number}


def _read_variant(files: Files, number: int) -> Iterable[Row]:
    if files.folder is None:
        return files.hub(replace(HUB, split=f"sample_variant{number}"))
    pattern = f"data/sample_variant{number}-*.parquet"
    return files.parquet(pattern) if files.glob(pattern) else _read_trial(files, f"trial{number}")


def _read_trial(files: Files, folder: str) -> Iterator[Row]:
    """Yields the rows of one run of upstream's generator."""
    for seed, row in files.json(f"{folder}/dataset.json").items():
        image = f"{folder}/{row['image']}"
        yield {**row, "id": seed, "ground_truth": row["answer"], "knowledge_level": row["level"], "image": image}


def draft(row: Row) -> RawSample:
    question, kind, answer = row["question"].strip(), row["answer_type"], row["ground_truth"]
    if kind == "multiple choice":
        gold = Gold(answer, "choice", find_inline_options(question) or find_options(question))
    elif kind == "text":
        gold = Gold(answer)
    else:
        gold = Gold(answer, "number", tolerance=TOLERANCE)
    tags = {
        "subject": " ".join(row["subject"].split()),
        "level": row["knowledge_level"],
        "answer_type": kind,
        "variant": str(row["variant"]),
    }
    held = row.get("decoded_image")
    return RawSample(
        f"{row['id']}-{row['variant']}",
        question + FORM if kind == "float" else question,
        gold,
        images=[held["bytes"] if held else row["image"]],
        tags=tags,
        cluster=str(row["id"]),
    )


def measure(graded: Sequence[Graded]) -> dict[str, Rate]:
    """Returns the average, the worst case, and the second over the first, of the seeds with all ten variants."""
    seeds: dict[str, list[bool]] = {}
    for item in graded:
        seeds.setdefault(item.problem, []).append(item.correct)
    whole = {seed: variants for seed, variants in seeds.items() if len(variants) == VARIANTS}
    average = {seed: sum(variants) / VARIANTS for seed, variants in whole.items()}
    worst = {seed: float(all(variants)) for seed, variants in whole.items()}
    return {
        "average": share(average),
        "worst case": share(worst),
        "worst case / average": ratio({seed: (worst[seed], average[seed]) for seed in whole}),
    }


benchmark = Benchmark(
    name="dynamath",
    about="501 seed problems in ten variants, average and worst case",
    license="Apache-2.0",
    url="https://huggingface.co/datasets/DynaMath/DynaMath_Sample",
    folders=("dynamath", "DynaMath", "DynaMath_Sample"),
    layout="data/sample_variant*.parquet, or the generator's trial1 to trial10, each dataset.json and image/*.png",
    size=5010,
    rows=rows,
    draft=draft,
    groups=("subject", "level", "answer_type", "variant"),
    published=tuple(
        PublishedResult(
            model,
            number,
            "string rules on the short answer in JSON",
            "flags in the repository of DynaMath, arXiv 2411.00836",
            metric=metric,
        )
        for model, numbers in FLAGS.items()
        for metric, number in zip(("average", "worst case"), numbers, strict=True)
    ),
    hub=HUB,
    official="dynamath",
    metrics=measure,
)
