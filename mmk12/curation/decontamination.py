"""The stage that removes the questions of benchmarks from the mixture, also edited, translated or re-encoded ones.

A row is a copy of a benchmark question

    in most sources         if it has the same image (all that a translation keeps), or the same words, if these are
                            enough to identify a question
    in template sources     if it has the same image and, beside it, the same words or answer: "What time is it?" with
                            another clock is another question, and so is another question about the same clock

The evidence of a drop names each benchmark with a copy, what is equal (text, image or both) and how similar it is.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from mmk12.curation import image_fingerprints
from mmk12.curation.similarity import (
    EQUAL_IMAGE,
    ComparableItem,
    ImageFingerprint,
    ItemBuilder,
    ItemIndex,
    Match,
    format_evidence,
)
from mmk12.curation.stage_cache import Outcome, StageOutput
from mmk12.datasets.declarations import Benchmark, Dataset
from mmk12.datasets.files import Files
from mmk12.datasets.loader import fetch_dataset, read_samples
from mmk12.types import DroppedSample, RawSample, Sample, Tag
from mmk12.utils import storage
from mmk12.utils.concurrency import map_in_threads
from mmk12.utils.images import BadImage, decode
from mmk12.utils.progress import Progress, ignore_progress

TEXT, IMAGE, BOTH = "text", "image", "both"
COUNTS_FILE = "compared.json"
"""The file in `.stages/` that holds {benchmark: `BenchmarkCounts`}."""
IDENTIFYING_WORDS = 8
"""The number of words from which a text identifies a question without its image; "Find x." does not."""

BATCH = 256
"""The number of rows that are compared at once."""
_HIT = re.compile(rf"({TEXT}|{IMAGE}|{BOTH}) of ([^\s;]+)")

Overlap = dict[str, dict[str, dict[str, int]]]
"""{source: {benchmark: {"text" | "image" | "both": rows}}}"""


class Copy(NamedTuple):
    """A benchmark question that a row is a copy of: its `id`, `by` what (text, image or both), and how similar."""

    id: str
    by: str
    match: Match

    @property
    def benchmark(self) -> str:
        """The name of the benchmark, without that of a variant."""
        return self.id.partition("/")[0].partition(":")[0]

    def __str__(self) -> str:
        return format_evidence(self.id, self.match.text, self.match.image)


def decontaminate(
    samples: StageOutput,
    *,
    build_item: ItemBuilder,
    benchmarks: Sequence[tuple[Benchmark, Files]],
    counts_file: Path,
    progress: Progress = ignore_progress,
) -> Iterator[Outcome]:
    """Drops the rows that are copies of questions in `benchmarks`, each with the files that it is read from.

    Writes how much was read, {benchmark: `BenchmarkCounts`}, to `counts_file`.
    """
    questions = BenchmarkQuestions(benchmarks, progress)
    storage.write_json(counts_file, {name: dataclasses.asdict(count) for name, count in questions.counts.items()})
    rows = iter(samples)
    while batch := list(islice(rows, BATCH)):
        items = [build_item(sample) for sample in batch]
        found = questions.find_copies(items, [build_item.is_template(sample) for sample in batch])
        for sample, copies in zip(batch, found, strict=True):
            yield _drop(sample, copies) if copies else sample


def find_copies(
    row: ComparableItem, items: Sequence[ComparableItem], matches: Mapping[int, Match], template: bool
) -> list[Copy]:
    """Returns what `row` is a copy of: the most similar question of each benchmark."""
    best: dict[str, Copy] = {}
    for number, match in matches.items():
        by = classify_copy(row, items[number], match, template)
        if by:
            copy = Copy(items[number].id, by, match)
            other = best.get(copy.benchmark)
            if other is None or match > other.match:
                best[copy.benchmark] = copy
    return list(best.values())


def classify_copy(row: ComparableItem, item: ComparableItem, match: Match, template: bool) -> str:
    """Returns by what `row` is a copy of `item`: text, image or both; the empty text if it is none."""
    same_words, same_answer = match.text == 1.0, row.answer == item.answer
    if template:
        equal = match.image >= EQUAL_IMAGE
        if match.text and (equal or match.part) and (same_answer or (same_words and match.image == 1.0)):
            return BOTH
        return IMAGE if equal and same_answer else ""
    if match.image > 0 or match.part:
        return BOTH if match.text else IMAGE
    if not match.text:
        return ""
    if not _is_identifying(item):
        return TEXT if same_words and not row.images and not item.images else ""
    if same_words:
        return TEXT
    if row.images and item.images:  # with another figure
        return ""
    # Only a figure tells questions of one pattern apart. Where it was left out or lost, equal numbers decide.
    if row.has_figure or item.has_figure:
        return TEXT if row.text.numbers == item.text.numbers and item.text.numbers else ""
    return TEXT


def measure_overlap(drops: Iterable[DroppedSample]) -> Overlap:
    """Counts the copies by source, benchmark and what they were known by."""
    counts = Counter((drop.source, *hit[::-1]) for drop in drops for hit in _HIT.findall(drop.reason))
    overlap: Overlap = {}
    for (source, benchmark, by), count in sorted(counts.items()):
        overlap.setdefault(source, {}).setdefault(benchmark, {TEXT: 0, IMAGE: 0, BOTH: 0})[by] = count
    return overlap


class ReadQuestion(NamedTuple):
    """A question as it is compared, how many of its images could not be read, and the tags of its row."""

    item: ComparableItem
    lost_images: int
    tags: Mapping[str, Tag]


@dataclass(frozen=True, slots=True)
class BenchmarkCounts:
    """How much of a benchmark the rows were compared with: questions, their readable images, and what was lost."""

    items: int
    images: int
    lost_images: int
    broken_rows: int


def read_questions(
    dataset: Dataset, files: Files, start: int = 0, stop: int | None = None
) -> Iterator[ReadQuestion | DroppedSample]:
    """Reads the rows of a dataset from `start` to `stop` in its order; a row that cannot be read is a drop.

    No image is stored. Raises `MissingData`.
    """
    files = fetch_dataset(dataset, files)
    rows = islice(read_samples(dataset, files), start, stop)
    return map_in_threads(partial(_read_question, dataset.name, files), rows)


def _read_question(name: str, files: Files, row: RawSample | DroppedSample) -> ReadQuestion | DroppedSample:
    if isinstance(row, DroppedSample):
        return row
    images = []
    for ref in row.images:
        try:
            image, _ = decode(files.image(ref))
        except BadImage:
            continue
        images.append(ImageFingerprint(image.width, image.height, image_fingerprints.to_grey(image)))
    item = ComparableItem.of(f"{name}/{row.id}", row.question, row.gold, images, len(row.images) > len(images))
    return ReadQuestion(item, len(row.images) - len(images), row.tags)


class BenchmarkQuestions:
    """The questions of benchmarks, with which rows are compared; `counts` tells how much of each was read."""

    def __init__(self, benchmarks: Sequence[tuple[Benchmark, Files]], progress: Progress = ignore_progress) -> None:
        items: dict[tuple[str, str], ComparableItem] = {}  # repeated questions of variants once
        self.counts: dict[str, BenchmarkCounts] = {}
        for benchmark, files in benchmarks:
            read = images = lost = broken = 0
            for question in read_questions(benchmark, files):
                if isinstance(question, DroppedSample):
                    broken += 1
                    continue
                item = question.item
                read, images, lost = read + 1, images + len(item.images), lost + question.lost_images
                family, _, name = item.id.partition("/")
                items.setdefault((f"{family.partition(':')[0]}/{name}", " ".join(item.text.words)), item)
                progress(f"read {benchmark.name}", read, benchmark.size)
            self.counts[benchmark.name] = BenchmarkCounts(read, images, lost, broken)
        self._index = ItemIndex(list(items.values()))

    @property
    def items(self) -> Sequence[ComparableItem]:
        """The questions, each once."""
        return self._index.items

    def find_copies(self, rows: Sequence[ComparableItem], templates: Sequence[bool]) -> Iterator[list[Copy]]:
        """Yields what each of `rows` is a copy of; `templates` tells which are questions made from templates.

        `BATCH` rows at a time are fastest.
        """
        for row, matches, template in zip(rows, self._index.matches(rows), templates, strict=True):
            yield find_copies(row, self._index.items, matches, template)


def _is_identifying(item: ComparableItem) -> bool:
    return len(item.text.words) >= IDENTIFYING_WORDS


def _drop(sample: Sample, copies: Sequence[Copy]) -> DroppedSample:
    reason = "; ".join(f"{copy.by} of {copy.benchmark}" for copy in copies)
    return DroppedSample(sample.id, sample.source, "decontaminate", reason, "; ".join(map(str, copies)))
