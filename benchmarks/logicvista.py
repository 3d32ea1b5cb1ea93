r"""LogicVista: logical reasoning in pictures, five skills (Xiao et al. 2024, arXiv 2407.04973).

License: Apache-2.0.
URL: https://github.com/Yijia-Xiao/LogicVista (data and images), https://huggingface.co/datasets/lscpku/LogicVista
Split: all 448 rows.

One row, in an object by id (invented; on the hub `image` holds the encoded image):

    data/dataset.json
    {"id": "v1_7", "imagename": "v1_7.png", "question": "Which two boxes follow the same rule? Select from A-E",
     "answer": "B, D", "skill": ["inductive"], "broad_capability": ["diagram"],
     "specific_capability": ["sequence pattern"], "reasoning": "Both have …", "imagesource": "…", "sourcelink": "…",
     "liscenced": "false"}

Question: the text alone; the options are in the picture or named in the sentence. Several letters are right in any
order.

Errors of the release, which are all counted as items: v1_382 has neither question nor answer (asked with a sentence of
ours; its gold cannot be graded), v1_20 has numbered options (gold 3).
"""

from collections.abc import Iterable, Iterator, Mapping

from mmk12 import Benchmark, Files, Gold, HubDataset, PublishedResult, RawSample, Row

HUB = HubDataset("lscpku/LogicVista", split="test")
MATCHES = {"GPT-4": 32.59, "LLaVA-13B": 24.11, "LLaVA-NeXT-7B-Vicuna": 23.66}
"""Accuracies, computed from the flags that upstream publishes for each response."""
NO_QUESTION = "Answer the question in the image."


def rows(files: Files) -> Iterable[Row]:
    return files.hub(HUB) if files.folder is None else _folder_rows(files)


def _folder_rows(files: Files) -> Iterator[Row]:
    place = "data/dataset.json" if files.glob("data/dataset.json") else "dataset.json"
    for name, row in files.json(place).items():
        yield {**row, "id": name}


def draft(row: Row) -> RawSample:
    held = row.get("image")
    tags = {name: _labels(row[name]) for name in ("skill", "broad_capability", "specific_capability")}
    return RawSample(
        row.get("id") or row["imagename"].partition(".")[0],
        row["question"].strip() or NO_QUESTION,
        gold(row["answer"].strip()),
        images=[held["bytes"] if isinstance(held, Mapping) else f"data/images/{row['imagename']}"],
        tags=tags,
    )


def gold(answer: str) -> Gold:
    """Returns the answer: a letter, several letters, or the number of an option."""
    if "," in answer:
        return Gold(answer, "list")
    return Gold(answer, "number" if answer.isdecimal() else "choice")


def _labels(value: str | list[str]) -> str | tuple[str, ...]:
    return value if isinstance(value, str) else tuple(value)


benchmark = Benchmark(
    name="logicvista",
    about="448 questions of logic in pictures, five skills",
    license="Apache-2.0",
    url="https://github.com/Yijia-Xiao/LogicVista",
    folders=("logicvista", "LogicVista"),
    layout="data/dataset.json and data/images/*.png",
    size=448,
    rows=rows,
    draft=draft,
    groups=("skill", "broad_capability", "specific_capability"),
    published=tuple(
        PublishedResult(
            model,
            accuracy,
            "GPT extraction, sets of letters",
            "flags in the repository of LogicVista, arXiv 2407.04973",
        )
        for model, accuracy in MATCHES.items()
    ),
    hub=HUB,
    official="logicvista",
)
