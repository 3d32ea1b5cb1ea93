r"""Geometry3K: plane geometry of two American textbooks, one diagram each (Lu et al. 2021, arXiv 2105.04165).

License: MIT for the repository; none is stated for the data.
URL: https://github.com/lupantech/InterGPS (`data/geometry3k/train.zip`, read in place or unpacked).
Split: train, 2,101 problems (ids 0 to 2100).

One row, a folder per problem (invented; only the fields that are read):

    train/7/data.json
    {"id": 7, "annotat_text": "Find $m \\angle 2$.", "choices": ["35", "55", "\\frac { 5 } { 2 }", "145"],
     "answer": "B", "problem_type_graph": ["Line"], "problem_type_goal": ["Angle"], "data_type": "train"}
    train/7/img_diagram.png

The hub copy of hiyouga was converted by the same rule: {"images": [{"bytes", "path"}],
"problem": "<image>Find $m \\angle 2$.", "answer": "55"}.

Gold: the value of the right option, without the tokenizer's spaces, in dollars. The options are not shown, so a
question with four choices becomes an open one. The printed option stays the gold if the text says "to the nearest
tenth"; `precise_value` is not used.
"""

from collections.abc import Iterable, Iterator

from mmk12.datasets.declarations import Source
from mmk12.datasets.files import Files
from mmk12.datasets.sources._helpers import (
    file_beside,
    parent_folder,
    read_json_files,
    remove_spaces,
    wrap_in_dollars,
)
from mmk12.types import BrokenLine, Gold, HubDataset, RawSample, Row

HUB = HubDataset("hiyouga/geometry3k", split="train")


def rows(files: Files) -> Iterable[Row | BrokenLine]:
    if files.folder is None:
        return _hub_rows(files)
    return read_json_files(files, "train/*/data.json", "train.zip/train/*/data.json")


def _hub_rows(files: Files) -> Iterator[Row]:
    for number, row in enumerate(files.hub(HUB)):
        yield {**row, "id": f"row-{number}"}


def draft(row: Row) -> RawSample:
    if "problem" in row:
        gold = Gold(wrap_in_dollars(remove_spaces(row["answer"])))
        return RawSample(row["id"], row["problem"], gold, images=[image["bytes"] for image in row["images"]])
    options = dict(zip("ABCDEFGHIJ", row["choices"], strict=False))
    gold = Gold(wrap_in_dollars(remove_spaces(options[row["answer"]])))
    tags = {"topic": ", ".join(row["problem_type_goal"]), "shape": ", ".join(row["problem_type_graph"])}
    return RawSample(
        parent_folder(row), row["annotat_text"], gold, images=[file_beside(row, "img_diagram.png")], tags=tags
    )


source = Source(
    name="geometry3k",
    about="plane geometry with diagrams, options removed",
    license="MIT (repository)",
    url="https://github.com/lupantech/InterGPS (data/geometry3k/train.zip)",
    folders=("geometry3k",),
    layout="train/<id>/data.json and train/<id>/img_diagram.png, or train.zip",
    rows=rows,
    draft=draft,
    hub=HUB,
    size=2_101,
)
