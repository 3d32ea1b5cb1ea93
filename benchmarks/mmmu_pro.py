r"""MMMU-Pro: college questions in 30 subjects with up to ten options (Yue et al. 2024, arXiv 2409.02813).

License: Apache-2.0.
URL: https://huggingface.co/datasets/MMMU/MMMU_Pro
Split: test, 1,730 items. `mmmu_pro` has ten options, `mmmu_pro:standard_4` four, and in `mmmu_pro:vision` question and
options are in the picture. The paper's overall number is the mean of the first and the last: the average that
`mmk12 compare RUN` prints for a run of both.

One row (invented; on the hub `image_1` to `image_7` hold images or null; a row of vision has `image` and no question):

    standard (10 options)/test-00000-of-00001.parquet
    {"id": "test_Art_7", "question": "Which movement does <image 1> belong to?",
     "options": "['Cubism', 'Fauvism', 'None of the above']", "answer": "B", "subject": "Art",
     "topic_difficulty": "Easy", "image_1": {"bytes": "", "path": null}, "image_2": null, "image_3": null,
     "image_4": null, "image_5": null, "image_6": null, "image_7": null}

Question: text, then options `A. …`; pictures stand where the text first names them, also inside options. For vision,
the first sentence of upstream's prompt. What upstream demands of the form of the answer is left out.

Grading: upstream takes a random option where it finds none in a response; here that is no answer, and wrong by the
official rule.

Errors of the release: one row has twelve options, one has its three in a list inside the list; `options` is Python
source, which is read as a literal and never evaluated.
"""

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from mmk12 import Benchmark, Files, Gold, HubDataset, PublishedResult, RawSample, Row, place_images

CONFIGS = {"": "standard (10 options)", "standard_4": "standard (4 options)", "vision": "vision"}
HUB = HubDataset("MMMU/MMMU_Pro", config=CONFIGS[""], split="test")
TAG = re.compile(r"<image (\d+)>")
VISION = "Write out the multiple-choice question in the image and then solve it."
FLAGS = {"": 40.12, "vision": 42.43}
"""GPT-4o with the prompt `direct`, computed from the flags that upstream publishes; a guess at random may be right."""
DOMAINS = {
    "Art and Design": "Art Art_Theory Design Music",
    "Business": "Accounting Economics Finance Manage Marketing",
    "Science": "Biology Chemistry Geography Math Physics",
    "Health and Medicine": "Basic_Medical_Science Clinical_Medicine Diagnostics_and_Laboratory_Medicine Pharmacy "
    "Public_Health",
    "Humanities and Social Science": "History Literature Sociology Psychology",
    "Tech and Engineering": "Agriculture Architecture_and_Engineering Computer_Science Electronics Energy_and_Power "
    "Materials Mechanical_Engineering",
}
DOMAIN_OF = {subject: domain for domain, subjects in DOMAINS.items() for subject in subjects.split()}


def rows(config: str) -> Callable[[Files], Iterable[Row]]:
    def read(files: Files) -> Iterable[Row]:
        if files.folder is None:
            return files.hub(replace(HUB, config=config))
        return files.parquet(f"{config}/test-*.parquet")

    return read


def draft(row: Row) -> RawSample:
    options = read_options(row["options"])
    lines = "".join(f"\n{chr(ord('A') + number)}. {option}" for number, option in enumerate(options))
    by_number = {name.removeprefix("image_"): one["bytes"] for name, one in row.items() if _is_picture(name, one)}
    question, images = place_images(row["question"] + lines, TAG, by_number)
    return _make_sample(row, question, options, images)


def draft_vision(row: Row) -> RawSample:
    return _make_sample(row, VISION, read_options(row["options"]), [row["image"]["bytes"]])


def _make_sample(row: Row, question: str, options: tuple[str, ...], images: list[str | bytes]) -> RawSample:
    choices = tuple(TAG.sub(r"image \1", option) for option in options)
    tags = {"subject": row["subject"], "domain": DOMAIN_OF[row["subject"]]}
    if "topic_difficulty" in row:
        tags["difficulty"] = row["topic_difficulty"]
    return RawSample(row["id"], question, Gold(row["answer"], "choice", choices), images=images, tags=tags)


def read_options(source: str) -> tuple[str, ...]:
    """Returns the options, which the release prints as a Python list. Raises `ValueError` for anything else."""
    try:
        options = ast.literal_eval(source)
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"the options are no list: {source[:80]!r}") from error
    if isinstance(options, list) and len(options) == 1 and isinstance(options[0], list):
        options = options[0]
    if not isinstance(options, list) or not all(isinstance(option, str) for option in options):
        raise ValueError(f"the options are no list of texts: {source[:80]!r}")
    return tuple(options)


def _is_picture(name: str, value: object) -> bool:
    return name.startswith("image_") and isinstance(value, Mapping)


def published(variant: str) -> tuple[PublishedResult, ...]:
    source = "flags in the repository of MMMU-Pro, arXiv 2409.02813"
    return (PublishedResult("GPT-4o", FLAGS[variant], "string rules, a random option if none is found", source),)


benchmark = Benchmark(
    name="mmmu_pro",
    about="college questions in 30 subjects, ten options",
    license="Apache-2.0",
    url="https://huggingface.co/datasets/MMMU/MMMU_Pro",
    folders=("mmmu_pro", "MMMU_Pro", "MMMU-Pro"),
    layout="standard (10 options)/test-*.parquet",
    size=1730,
    rows=rows(CONFIGS[""]),
    draft=draft,
    groups=("domain", "subject", "difficulty"),
    published=published(""),
    hub=HUB,
    official="mmmu_pro",
)

variants = {
    "standard_4": replace(
        benchmark,
        name="mmmu_pro:standard_4",
        about="college questions in 30 subjects, four options",
        layout="standard (4 options)/test-*.parquet",
        rows=rows(CONFIGS["standard_4"]),
        published=(),
        hub=replace(HUB, config=CONFIGS["standard_4"]),
    ),
    "vision": replace(
        benchmark,
        name="mmmu_pro:vision",
        about="college questions in 30 subjects, wholly in the picture",
        layout="vision/test-*.parquet",
        rows=rows(CONFIGS["vision"]),
        draft=draft_vision,
        groups=("domain", "subject"),
        published=published("vision"),
        hub=replace(HUB, config=CONFIGS["vision"]),
    ),
}
