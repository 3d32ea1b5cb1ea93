"""Samples -> train.parquet and val.parquet, in the columns that verl 0.9.1's `RLHFDataset` reads.

    prompt        list<struct<role, content>>      messages, one <image> mark per picture
    images        list<struct<bytes, path>>        encoded pictures in the order of the marks; path is only a name
    data_source   string                           mmk12/<reward profile>
    reward_model  struct<style, ground_truth>      style is "rule"
    extra_info    struct, the same for every row   index, id, source, split, tags (JSON), pass_rate and what the
                                                   verifier wants to know beside the gold

A text-only row shows a white 224 x 224 picture, as the released data does: verl and the InternVL processors are
only sure to work when every row of a batch has one.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mmk12 import prompts
from mmk12.data.draw import drawn, index_of
from mmk12.data.outcomes import Outcomes
from mmk12.data.stages import Context
from mmk12.data.verifiable import grading
from mmk12.generate import Progress
from mmk12.storage import replacing, to_json
from mmk12.types import IMAGE_MARK, Image, Sample

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
                    ("pass_rate", pa.float64()),
                    ("tags", pa.string()),
                ]
            ),
        ),
    ]
)

_GROUP_ROWS, _GROUP_BYTES = 128, 64_000_000
"""A row group is written when either is reached: the memory that an export needs, and verl's reading unit."""
_BLANK_SIDE = 224


def export(samples: Outcomes, context: Context, out: Path, progress: Progress) -> Mapping[str, Counter[str]]:
    """Writes both files and returns the number of rows by split and source."""
    held_out = _held_out(samples, context)
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    total = len(samples)
    blank = cache(lambda: context.images.add(_white_png()))
    with ExitStack() as stack:
        writers = {split: stack.enter_context(_writing(out / f"{split}.parquet")) for split in SPLITS}
        for done, sample in enumerate(samples, 1):
            split = "val" if sample.id in held_out else "train"
            writers[split].add(_row(sample, sample.images or (blank(),), split, context))
            counts[split][sample.source] += 1
            progress("export", done, total)
    return counts


def _held_out(samples: Outcomes, context: Context) -> frozenset[str]:
    """The ids of val.parquet: the recipe's share, at least one row, and never all of them."""
    data, total = context.recipe.data, len(samples)
    count = min(max(1, round(total * data.val_fraction)), total - 1) if data.val_fraction and total else 0
    return drawn((sample.id for sample in samples), count, f"val/{data.seed}")


def _row(sample: Sample, images: Sequence[Image], split: str, context: Context) -> dict[str, Any]:
    question = sample.question if sample.images else IMAGE_MARK * len(images) + sample.question
    profile = context.recipe.profile
    messages = prompts.chat(profile.prompt, question, len(images))
    paths = [context.images.path(image) for image in images]
    return {
        "prompt": [{"role": message.role, "content": message.content} for message in messages],
        "images": [{"bytes": path.read_bytes(), "path": path.name} for path in paths],
        "data_source": f"mmk12/{profile.reward}",
        "reward_model": {"style": "rule", "ground_truth": sample.gold.text},
        "extra_info": {
            "index": index_of(sample.id),
            "id": sample.id,
            "source": sample.source,
            "split": split,
            "question": sample.question,
            **grading(sample.gold),
            "pass_rate": None,
            "tags": to_json(dict(sample.tags)),
        },
    }


def _white_png() -> bytes:
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.new("RGB", (_BLANK_SIDE, _BLANK_SIDE), (255, 255, 255)).save(buffer, "PNG")
    return buffer.getvalue()


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
