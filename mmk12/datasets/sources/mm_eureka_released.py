r"""MM-Eureka dataset: the mixture as its authors published it, the only way to the counts of figure 1.

License: Apache-2.0 (repository); each row also has the license of its source (`mmk12 list sources`).
URL: https://huggingface.co/datasets/FanqingM/MM-Eureka-Dataset: `dataset.jsonl`, `K12.zip`
(`…/report_data/K12/<sha256>.png`) and `MMPR.zip` (`…/report_data/MMPR/images/<source>/…`). The archives are read in
place; unpacked folders `K12/` and `MMPR/` work as well. Without --raw-dir the three files are fetched from the hub.
Split: train, all 54,931 rows.

One row (invented):

    dataset.jsonl
    {"id": "1203", "conversations": [{"role": "system", "content": "…"}, {"role": "user", "content": "You should first
     thinks … Question:\nAs shown in the figure, $\\angle 1 = 40^{\\circ}$, then $\\angle 2 =$ ___."}],
     "answer": "$140^{\\circ}$", "image_urls": ["file:///…/report_data/K12/0f3a….png"]}

Question: the text after `Question:` in the user turn; the prompt around it comes from the recipe. A row with the image
`blank.png` is a row without an image. Rows whose `conversations` is a text hold no question (other readers of the
dataset skip them too) and are malformed.

Gold: the answer as printed; a lone letter is of kind `choice`, so that the recipe's `data.letters` decides on it. The
tag `origin` names our source that the row's image comes from, by its path; a row without an image is from `math`, the
only text-only one.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from mmk12.datasets.declarations import Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import first_existing
from mmk12.errors import BadInput
from mmk12.types import IMAGE_MARK, BrokenLine, Gold, HubDataset, RawSample, Row
from mmk12.verifier import classify_gold

ARCHIVES = ("K12.zip", "MMPR.zip")
BLANK = "blank.png"
ORIGINS = {
    "k12": "k12_train",
    "geoqa": "geoqa_plus",
    "clevr": "clevr_math",
    "superclevr": "clevr_math",
    "geometry3k": "geometry3k",
    "iconqa": "iconqa",
    "m3cot": "m3cot",
    "dvqa": "dvqa",
    "scienceqa": "scienceqa",
    "chartqa": "chartqa",
    "ai2d": "ai2d",
    "unigeo": "unigeo",
    "info": "infovqa",
    "geos": "geos",
    "mapqa": "mapqa",
}
"""Prefix of an image folder, in lower case without punctuation -> our name of the source."""


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    packed: dict[str, str] = {}
    for archive in ARCHIVES:
        try:
            packed |= {_below_root(name): name for name in files.names(f"{archive}/**")}
        except BadInput as error:
            yield BrokenLine(archive, str(error))
    name = first_existing(files, "dataset.jsonl", "train.jsonl")
    yield from _with_images(files.jsonl(name) if files.path(name).is_file() else (), packed)


def _with_images(upstream: Iterable[Row | BrokenLine], packed: dict[str, str]) -> Iterator[Row | BrokenLine]:
    """Adds `images` to the rows: the path of each image, in an archive or unpacked."""
    for row in upstream:
        urls = row.get("image_urls") if not isinstance(row, BrokenLine) else None
        if isinstance(row, BrokenLine) or not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
            yield row
            continue
        names = [_below_root(url) for url in urls if PurePosixPath(url).name != BLANK]
        yield {**row, "images": [packed.get(name, name) for name in names]}


def _below_root(url: str) -> str:
    """Returns the part of a path from `K12/` or `MMPR/` on, which does not depend on the machine; else all of it."""
    parts = url.removeprefix("file://").split("/")
    start = next((place for place, part in enumerate(parts) if part in ("K12", "MMPR")), 0)
    return "/".join(parts[start:])


def draft(row: Row) -> RawSample:
    if not isinstance(row["conversations"], list):
        raise TypeError("conversations is not a list of turns")
    if "images" not in row:
        raise TypeError("image_urls is not a list of texts")
    prompt = [turn["content"] for turn in row["conversations"] if turn["role"] == "user"][-1]
    question = prompt.partition("Question:")[2] or prompt
    answer = row["answer"].strip()
    letter = classify_gold(answer).type == "letter"
    return RawSample(
        str(row["id"]),
        question.replace(IMAGE_MARK, "").strip(),
        Gold(answer, kind="choice" if letter else "math"),
        images=row["images"],
        tags={"origin": _origin(row["images"])},
    )


def _origin(images: list[str]) -> str:
    if not images:
        return "math"
    parts = _below_root(images[0]).split("/")
    folder = parts[2] if parts[0] == "MMPR" and len(parts) > 3 else parts[0]
    plain = re.sub(r"[^a-z0-9]", "", folder.lower())
    return next((source for start, source in ORIGINS.items() if plain.startswith(start)), folder)


source = Source(
    name="mm_eureka_released",
    about="the published mixture of MM-Eureka, difficulty-filtered by its authors",
    license="Apache-2.0 (repository); each row also has that of its source",
    url="https://huggingface.co/datasets/FanqingM/MM-Eureka-Dataset "
    "(hf download FanqingM/MM-Eureka-Dataset --repo-type dataset --local-dir RAW/mm_eureka_released)",
    folders=("mm_eureka_released", "MM-Eureka-Dataset"),
    layout="dataset.jsonl, K12.zip and MMPR.zip",
    rows=rows,
    draft=draft,
    hub=HubDataset("FanqingM/MM-Eureka-Dataset", split="train", files=("dataset.jsonl", *ARCHIVES)),
    size=54_931,
)
