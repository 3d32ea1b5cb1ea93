r"""EMMA: mathematics, physics, chemistry and coding that need their picture (Hao et al. 2025, arXiv 2501.05444).

License: none is stated here; see the card.
URL: https://huggingface.co/datasets/luckychao/EMMA
Split: test, 2,788 items in the configurations Math, Physics, Chemistry and Coding; `emma:mini` has 100 of each.

One row (invented; on the hub `image_1` to `image_5` hold images or null):

    Math/test-00000-of-00001.parquet
    {"pid": "math_7", "question": "Which shape continues <image_1>?", "options": ["<image_2>", "<image_3>"],
     "answer": "B", "image_1": {"bytes": "", "path": null}, "image_2": {"bytes": "", "path": null},
     "image_3": {"bytes": "", "path": null}, "image_4": null, "image_5": null, "solution": null, "subject": "Math",
     "task": null, "category": "Pattern Inference", "source": "…", "type": "Multiple Choice", "context": null}

Question: context, question and options `A: …`, as upstream; what it demands of the form of the answer is left out.
Pictures stand where the text first names them. Upstream samples open models at temperature 0.7, closed ones at 0.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from mmk12 import Benchmark, Files, Gold, HubDataset, RawSample, Row, place_images

SUBJECTS = ("Math", "Physics", "Chemistry", "Coding")
HUB = HubDataset("luckychao/EMMA", config=SUBJECTS[0], split="test")
MINI = HubDataset("luckychao/EMMA-mini", config=SUBJECTS[0], split="test")
TAG = re.compile(r"<image_(\d+)>")


def rows(hub: HubDataset) -> Callable[[Files], Iterable[Row]]:
    def read(files: Files) -> Iterator[Row]:
        for subject in SUBJECTS:
            if files.folder is None:
                yield from files.hub(replace(hub, config=subject))
            else:
                yield from files.parquet(f"{subject}/test-*.parquet")

    return read


def draft(row: Row) -> RawSample:
    options = tuple(row["options"] or ())
    parts = [row["context"] or "", row["question"]]
    parts += [f"{chr(ord('A') + number)}: {option}" for number, option in enumerate(options)]
    by_number = {
        name.removeprefix("image_"): one["bytes"]
        for name, one in row.items()
        if name.startswith("image_") and isinstance(one, Mapping)
    }
    question, images = place_images("\n".join(part for part in parts if part), TAG, by_number)
    choices = tuple(TAG.sub(r"image \1", option) for option in options)
    gold = Gold(row["answer"], "choice", choices) if options else Gold(row["answer"])
    tags = {name: row[name] or "none" for name in ("subject", "category", "task", "type")}
    tags["subject × category"] = f"{tags['subject']} × {tags['category']}"
    return RawSample(str(row["pid"]), question, gold, images=images, tags=tags)


benchmark = Benchmark(
    name="emma",
    about="mathematics, physics, chemistry and coding that need the picture",
    license="see its card",
    url="https://huggingface.co/datasets/luckychao/EMMA",
    folders=("emma", "EMMA"),
    layout="{Math,Physics,Chemistry,Coding}/test-*.parquet",
    size=2788,
    rows=rows(HUB),
    draft=draft,
    groups=("subject", "subject × category", "task", "type"),
    hub=HUB,
    official="emma",
)

variants = {
    "mini": replace(
        benchmark,
        name="emma:mini",
        about="mathematics, physics, chemistry and coding that need the picture, 100 of each",
        folders=("emma_mini", "EMMA-mini"),
        size=400,
        rows=rows(MINI),
        hub=MINI,
    )
}
