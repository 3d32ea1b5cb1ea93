"""Samples -> train.parquet and val.parquet, in the columns that verl 0.9.1's `RLHFDataset` reads, and train.jsonl.

    prompt        list<struct<role, content>>      messages, one <image> mark per picture
    images        list<struct<bytes, path>>        encoded pictures in the order of the marks; path is only a name
    data_source   string                           mmk12/<reward profile>
    reward_model  struct<style, ground_truth>      style is "rule"
    extra_info    struct, the same for every row   index, id, source, split, tags (JSON), pass_rate and what the
                                                   verifier wants to know beside the gold

Every row has a picture, and rows are written as they come: none of this needs the whole mixture in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mmk12 import storage
from mmk12.data import released
from mmk12.data.asking import Asked, Asking, white_png
from mmk12.data.context import Context
from mmk12.data.difficulty import TAG
from mmk12.data.draw import drawn, index_of
from mmk12.data.lengths import Ruler, by_characters
from mmk12.data.outcomes import Outcomes
from mmk12.data.statistics import FILE, Statistics
from mmk12.data.verifiable import grading
from mmk12.errors import BadInput
from mmk12.storage import replacing, to_json
from mmk12.types import Sample

SPLITS = ("train", "val")
SCHEMA = pa.schema(
    [
        ("prompt", pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))),
        ("images", pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))),
        ("data_source", pa.string()),
        ("reward_model", pa.struct([("style", pa.string()), ("ground_truth", pa.string())])),
        (
            "extra_info",
            pa.struct(
                [
                    ("index", pa.int64()),
                    ("id", pa.string()),
                    ("source", pa.string()),
                    ("split", pa.string()),
                    ("question", pa.string()),
                    ("answer_type", pa.string()),
                    ("choices", pa.list_(pa.string())),
                    ("precision", pa.int64()),
                    ("tolerance", pa.float64()),
                    ("pass_rate", pa.float64()),
                    ("tags", pa.string()),
                ]
            ),
        ),
    ]
)

_GROUP_ROWS, _GROUP_BYTES = 128, 64_000_000
"""A row group is written when either is reached: the memory that an export needs, and verl's reading unit."""


def export(samples: Outcomes, context: Context, out: Path, ruler: Ruler | None = None) -> Mapping[str, Counter[str]]:
    """Writes the files and returns the number of rows by split and source; `ruler` measures prompts."""
    held_out = _held_out(samples, context)
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    total = len(samples)
    ask, statistics = Asking(context), Statistics(ruler or by_characters())
    storage.write_bytes(context.images.folder / released.BLANK, white_png())
    with ExitStack() as stack:
        writers = {split: stack.enter_context(_writing(out / f"{split}.parquet")) for split in SPLITS}
        lines = stack.enter_context(replacing(out / released.FILE))
        for done, sample in enumerate(_ordered(samples, context), 1):
            split = "val" if sample.id in held_out else "train"
            asked = ask(sample)
            writers[split].add(_row(sample, asked, split, context))
            if split == "train":
                lines.write(released.line(sample, context))
            statistics.add(sample, asked)
            counts[split][sample.source] += 1
            context.progress("export", done, total)
    storage.write_json(out / FILE, statistics.to_json())
    return counts


def _ordered(samples: Outcomes, context: Context) -> Iterable[Sample]:
    """The rows in the recipe's order; sorted by pass rate, the easiest first, they are all in memory."""
    if context.recipe.data.order == "source":
        return samples
    if not all(TAG in sample.tags for sample in samples):
        raise BadInput("data.order is pass_rate, but no pass rate was measured. Add --model, or set it to source.")
    return sorted(samples, key=lambda sample: -float(str(sample.tags[TAG])))


def _held_out(samples: Outcomes, context: Context) -> frozenset[str]:
    """The ids of val.parquet: the recipe's share, at least one row, and never all of them."""
    data, total = context.recipe.data, len(samples)
    count = min(max(1, round(total * data.val_fraction)), total - 1) if data.val_fraction and total else 0
    return drawn((sample.id for sample in samples), count, f"val/{data.seed}")


def _row(sample: Sample, asked: Asked, split: str, context: Context) -> dict[str, Any]:
    paths = [context.images.path(image) for image in asked.images]
    tags = dict(sample.tags)
    pass_rate = tags.pop(TAG, None)
    return {
        "prompt": [{"role": message.role, "content": message.content} for message in asked.messages],
        "images": [{"bytes": path.read_bytes(), "path": path.name} for path in paths],
        "data_source": f"mmk12/{context.recipe.profile.reward}",
        "reward_model": {"style": "rule", "ground_truth": sample.gold.text},
        "extra_info": {
            "index": index_of(sample.id),
            "id": sample.id,
            "source": sample.source,
            "split": split,
            "question": sample.question,
            **grading(sample.gold),
            "pass_rate": None if pass_rate is None else float(str(pass_rate)),
            "tags": to_json(tags),
        },
    }


class _Groups:
    """Collects rows and writes them in row groups of bounded size."""

    def __init__(self, writer: pq.ParquetWriter) -> None:
        self._writer = writer
        self._rows: list[dict[str, Any]] = []
        self._bytes = 0

    def add(self, row: dict[str, Any]) -> None:
        self._rows.append(row)
        self._bytes += sum(len(image["bytes"]) for image in row["images"])
        if len(self._rows) >= _GROUP_ROWS or self._bytes >= _GROUP_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, schema=SCHEMA), row_group_size=_GROUP_ROWS)
        self._rows, self._bytes = [], 0


@contextmanager
def _writing(path: Path) -> Iterator[_Groups]:
    with (
        replacing(path) as file,
        pq.ParquetWriter(file, SCHEMA, compression="zstd", use_dictionary=False) as writer,
    ):
        groups = _Groups(writer)
        yield groups
        groups.flush()
