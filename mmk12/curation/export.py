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

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mmk12.curation.context import Context
from mmk12.curation.difficulty import TAG
from mmk12.curation.sampling import index_of, sample_ids
from mmk12.curation.stage_cache import StageOutput
from mmk12.datasets.declarations import ORIGIN
from mmk12.datasets.gold_check import grading
from mmk12.errors import BadInput
from mmk12.inference import prompts
from mmk12.inference.prompt_length import BuiltPrompt, LengthMeter, PromptBuilder, meter_by_characters
from mmk12.types import IMAGE_MARK, Sample
from mmk12.utils import storage
from mmk12.utils.images import make_white_png
from mmk12.utils.storage import replace_file, to_json
from mmk12.verifier import classify_gold

# statistics.json: what the exported rows look like in numbers, small enough for figures to be drawn from it.


STATISTICS_FILE = "statistics.json"


class Statistics:
    """Counts rows as they are exported."""

    def __init__(self, ruler: LengthMeter) -> None:
        self._ruler = ruler
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._lengths: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._types: Counter[str] = Counter()
        self._origins: Counter[str] = Counter()

    def add(self, sample: Sample, asked: BuiltPrompt) -> None:
        """Counts one row."""
        origin = str(sample.tags.get(ORIGIN, sample.source))
        self._sizes.update((image.width, image.height) for image in sample.images)
        self._types[classify_gold(sample.gold).type] += 1
        self._origins[origin] += 1
        length = self._ruler.measure(sample, asked)
        if length is not None:
            self._lengths[origin][length] += 1

    def to_json(self) -> dict[str, Any]:
        """The contents of statistics.json."""
        lengths = {source: sorted(counts.items()) for source, counts in sorted(self._lengths.items())}
        return {
            "image_sizes": [[*size, count] for size, count in sorted(self._sizes.items())],
            "prompt_lengths": {"unit": self._ruler.unit, "counts": lengths},
            "answer_types": dict(self._types.most_common()),
            "origins": dict(self._origins.most_common()),
        }


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


def export(
    samples: StageOutput, context: Context, out: Path, ruler: LengthMeter | None = None
) -> Mapping[str, Counter[str]]:
    """Writes the files and returns the number of rows by split and source; `ruler` measures prompts."""
    held_out = _select_held_out(samples, context)
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    total = len(samples)
    ask, statistics = (
        PromptBuilder(context.recipe.prompt, context.images),
        Statistics(ruler or meter_by_characters()),
    )
    storage.write_bytes(context.images.folder / BLANK, make_white_png())
    with ExitStack() as stack:
        writers = {split: stack.enter_context(_open_writer(out / f"{split}.parquet")) for split in SPLITS}
        lines = stack.enter_context(replace_file(out / JSONL_FILE))
        for done, sample in enumerate(_order_rows(samples, context), 1):
            split = "val" if sample.id in held_out else "train"
            asked = ask(sample)
            writers[split].add(_row(sample, asked, split, context))
            if split == "train":
                lines.write(jsonl_line(sample, context))
            statistics.add(sample, asked)
            counts[split][sample.source] += 1
            context.progress("export", done, total)
    storage.write_json(out / STATISTICS_FILE, statistics.to_json())
    return counts


def _order_rows(samples: StageOutput, context: Context) -> Iterable[Sample]:
    """The rows in the recipe's order; sorted by pass rate, the easiest first, they are all in memory."""
    if context.recipe.data.order == "source":
        return samples
    if not all(TAG in sample.tags for sample in samples):
        raise BadInput("data.order is pass_rate, but no pass rate was measured. Add --model, or set it to source.")
    return sorted(samples, key=lambda sample: -float(str(sample.tags[TAG])))


def _select_held_out(samples: StageOutput, context: Context) -> frozenset[str]:
    """The ids of val.parquet: the recipe's share, at least one row, and never all of them."""
    data, total = context.recipe.data, len(samples)
    count = min(max(1, round(total * data.val_fraction)), total - 1) if data.val_fraction and total else 0
    return sample_ids((sample.id for sample in samples), count, f"val/{data.seed}")


def _row(sample: Sample, asked: BuiltPrompt, split: str, context: Context) -> dict[str, Any]:
    paths = [context.images.path(image) for image in asked.images]
    tags = dict(sample.tags)
    pass_rate = tags.pop(TAG, None)
    return {
        "prompt": [{"role": message.role, "content": message.content} for message in asked.messages],
        "images": [{"bytes": path.read_bytes(), "path": path.name} for path in paths],
        "data_source": f"mmk12/{context.recipe.reward.profile}",
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
def _open_writer(path: Path) -> Iterator[_Groups]:
    with (
        replace_file(path) as file,
        pq.ParquetWriter(file, SCHEMA, compression="zstd", use_dictionary=False) as writer,
    ):
        groups = _Groups(writer)
        yield groups
        groups.flush()


# train.jsonl: the training rows in the schema of the published MM-Eureka data, for trainers of the OpenRLHF kind.


JSONL_FILE = "train.jsonl"
BLANK = "blank.png"


def jsonl_line(sample: Sample, context: Context) -> bytes:
    """The row of one sample, with its line end."""
    question = _strip_image_marks(sample.question)
    asked = prompts.render_chat(context.recipe.prompt, f"Question:\n{question}", question.count(IMAGE_MARK))
    names = [context.images.path(image).name for image in sample.images] or [BLANK]
    row = {
        "id": sample.id,
        "conversations": [{"role": message.role, "content": message.content} for message in asked],
        "answer": sample.gold.text,
        "image_urls": [f"{context.images.folder.name}/{name}" for name in names],
    }
    return storage.to_json(row).encode() + b"\n"


def _strip_image_marks(question: str) -> str:
    """The question without the marks in front; unchanged where marks stand inside it too, so that none is missing."""
    body = question
    while body.startswith(IMAGE_MARK):
        body = body.removeprefix(IMAGE_MARK).lstrip()
    return question if IMAGE_MARK in body else body
