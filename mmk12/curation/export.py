"""Writes the training files: train.parquet and val.parquet in the columns of verl 0.9.1's `RLHFDataset`, train.jsonl.

A split of more than 1 GB is written in shards (`mmk12.curation.parquet_shards`).

    prompt        list<struct<role, content>>      messages, one <image> mark per image
    images        list<struct<bytes, path>>        encoded images in the order of the marks; path is only a name
    data_source   string                           mmk12/<reward profile>
    reward_model  struct<style, ground_truth>      style is "rule"
    extra_info    struct, the same for every row   index, id, source, split, tags (JSON), pass_rate and the
                                                   verifier's other arguments

train.jsonl holds the training rows in the schema of the published MM-Eureka data, for trainers of the OpenRLHF kind.
statistics.json counts what the figures of the data card draw. Every row has an image. Rows are written as they come, so
the whole mixture is never in memory.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from mmk12.curation.difficulty import TAG
from mmk12.curation.hub_features import add_features
from mmk12.curation.parquet_shards import open_writer
from mmk12.curation.sampling import index_of, sample_ids
from mmk12.curation.stage_cache import StageOutput
from mmk12.datasets.declarations import ORIGIN
from mmk12.errors import BadInput
from mmk12.inference import prompts
from mmk12.inference.prompt_length import BuiltPrompt, LengthMeter, PromptBuilder, meter_by_characters
from mmk12.recipes.schema import Recipe
from mmk12.types import IMAGE_MARK, Sample
from mmk12.utils import storage
from mmk12.utils.images import ImageStore, make_white_png
from mmk12.utils.progress import Progress, ignore_progress
from mmk12.utils.storage import replace_file, to_json
from mmk12.verifier import GradingSpec, classify_gold

SPLITS = ("train", "val")
STATISTICS_FILE = "statistics.json"
JSONL_FILE = "train.jsonl"
BLANK = "blank.png"
"""The file in `images/` that train.jsonl names for a text-only row."""
SCHEMA = add_features(
    pa.schema(
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
)


def export(
    samples: StageOutput,
    recipe: Recipe,
    images: ImageStore,
    out: Path,
    meter: LengthMeter | None = None,
    progress: Progress = ignore_progress,
) -> Mapping[str, Counter[str]]:
    """Writes the training files into `out` and returns {split: {source: rows}}.

    `images` holds the images of the samples. `meter` measures the prompts for
    statistics.json, by default in characters.
    Raises `BadInput` if rows are to be sorted by a pass rate that was not measured.
    """
    held_out = _select_held_out(samples, recipe)
    counts: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
    total = len(samples)
    build_prompt = PromptBuilder(recipe.prompt, images)
    statistics = Statistics(meter or meter_by_characters())
    storage.write_bytes(images.folder / BLANK, make_white_png())
    with ExitStack() as stack:
        writers = {split: stack.enter_context(open_writer(out, split, SCHEMA)) for split in SPLITS}
        lines = stack.enter_context(replace_file(out / JSONL_FILE))
        for count, sample in enumerate(_order_rows(samples, recipe), 1):
            split = "val" if sample.id in held_out else "train"
            prompt = build_prompt(sample)
            writers[split].add(_make_row(sample, prompt, split, recipe, images))
            if split == "train":
                lines.write(_make_line(sample, recipe, images))
            statistics.add(sample, prompt)
            counts[split][sample.source] += 1
            progress("export", count, total)
    storage.write_json(out / STATISTICS_FILE, statistics.to_json())
    return counts


def _order_rows(samples: StageOutput, recipe: Recipe) -> Iterable[Sample]:
    """Returns the rows in the recipe's order. Sorted by pass rate, the easiest first, they are all in memory."""
    if recipe.data.order == "source":
        return samples
    if not all(TAG in sample.tags for sample in samples):
        raise BadInput("data.order is pass_rate, but no pass rate was measured. Add --model, or set it to source.")
    return sorted(samples, key=lambda sample: -float(str(sample.tags[TAG])))


def _select_held_out(samples: StageOutput, recipe: Recipe) -> frozenset[str]:
    """Returns the ids of val.parquet: the recipe's share, at least one row, and never all of them."""
    data, total = recipe.data, len(samples)
    count = min(max(1, round(total * data.val_fraction)), total - 1) if data.val_fraction and total else 0
    return sample_ids((sample.id for sample in samples), count, f"val/{data.seed}")


def _make_row(sample: Sample, prompt: BuiltPrompt, split: str, recipe: Recipe, images: ImageStore) -> dict[str, Any]:
    """Returns a row of the parquet files, in the columns of `SCHEMA`."""
    paths = [images.path(image) for image in prompt.images]
    tags = dict(sample.tags)
    pass_rate = tags.pop(TAG, None)
    spec = GradingSpec.from_gold(sample.gold, sample.question).to_row()
    return {
        "prompt": [{"role": message.role, "content": message.content} for message in prompt.messages],
        "images": [{"bytes": path.read_bytes(), "path": path.name} for path in paths],
        "data_source": f"mmk12/{recipe.reward.grader}",
        "reward_model": {"style": "rule", "ground_truth": spec.pop("gold")},
        "extra_info": {
            "index": index_of(sample.id),
            "id": sample.id,
            "source": sample.source,
            "split": split,
            **spec,
            "pass_rate": None if pass_rate is None else float(str(pass_rate)),
            "tags": to_json(tags),
        },
    }


def _make_line(sample: Sample, recipe: Recipe, images: ImageStore) -> bytes:
    """Returns the line of train.jsonl for a sample, with its line end."""
    question = _strip_image_marks(sample.question)
    messages = prompts.render_chat(recipe.prompt, f"Question:\n{question}", question.count(IMAGE_MARK))
    names = [images.path(image).name for image in sample.images] or [BLANK]
    row = {
        "id": sample.id,
        "conversations": [{"role": message.role, "content": message.content} for message in messages],
        "answer": sample.gold.text,
        "image_urls": [f"{images.folder.name}/{name}" for name in names],
    }
    return to_json(row).encode() + b"\n"


def _strip_image_marks(question: str) -> str:
    """Removes the marks in front; where marks stand inside the question too, nothing, so that none is missing."""
    body = question
    while body.startswith(IMAGE_MARK):
        body = body.removeprefix(IMAGE_MARK).lstrip()
    return question if IMAGE_MARK in body else body


class Statistics:
    """Counts the exported rows: small enough numbers for figures to be drawn from them."""

    def __init__(self, meter: LengthMeter) -> None:
        self._meter = meter
        self._sizes: Counter[tuple[int, int]] = Counter()
        self._lengths: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._types: Counter[str] = Counter()
        self._origins: Counter[str] = Counter()

    def add(self, sample: Sample, prompt: BuiltPrompt) -> None:
        """Counts one row."""
        origin = str(sample.tags.get(ORIGIN, sample.source))
        self._sizes.update((image.width, image.height) for image in sample.images)
        self._types[classify_gold(sample.gold).type] += 1
        self._origins[origin] += 1
        length = self._meter.measure(sample, prompt)
        if length is not None:
            self._lengths[origin][length] += 1

    def to_json(self) -> dict[str, Any]:
        """Returns the contents of statistics.json: image sizes are [width, height, rows], lengths [length, rows]."""
        lengths = {source: sorted(counts.items()) for source, counts in sorted(self._lengths.items())}
        return {
            "image_sizes": [[*size, count] for size, count in sorted(self._sizes.items())],
            "prompt_lengths": {"unit": self._meter.unit, "counts": lengths},
            "answer_types": dict(self._types.most_common()),
            "origins": dict(self._origins.most_common()),
        }
