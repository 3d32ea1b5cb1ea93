"""Takes the questions of benchmarks out of the mixture, in whatever form they lie in it.

What counts as a copy depends on what a row can be known by:

    most sources          its picture alone (a translation has no other), or its words alone, if they are telling
    template sources      its picture, and with it the words or the answer: "What time is it?" under another clock is
                          another question, and so is another question about the same clock

The ledger names each benchmark that holds a copy, what is equal (text, image or both) and how near it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mmk12.curation import image_fingerprints
from mmk12.curation.similarity import EQUAL_PICTURE, ComparableItem, ImageFingerprint, ItemIndex, Match, compare_items
from mmk12.curation.stage_cache import Outcome, StageOutput
from mmk12.datasets.declarations import Benchmark
from mmk12.datasets.files import Files
from mmk12.datasets.loader import locate_dataset, read_samples
from mmk12.types import DroppedSample, RawSample, Sample
from mmk12.utils import storage
from mmk12.utils.concurrency import map_in_threads
from mmk12.utils.images import BadImage, decode

if TYPE_CHECKING:
    from mmk12.curation.context import Context


# The questions of benchmarks as training rows are compared with them, read from the declarations of `benchmarks/`.


class ReadFile(NamedTuple):
    """A benchmark question, and how many of its pictures could not be read."""

    item: ComparableItem
    lost: int


def benchmark_questions(benchmark: Benchmark, raw_dir: Path | None) -> Iterator[ReadFile | DroppedSample]:
    """The questions of a benchmark in its order, rows that cannot be read as drops. Raises `MissingData`."""
    files = locate_dataset(benchmark, raw_dir)
    return map_in_threads(partial(_read, benchmark.name, files), read_samples(benchmark, files))


def _read(name: str, files: Files, draft: RawSample | DroppedSample) -> ReadFile | DroppedSample:
    if isinstance(draft, DroppedSample):
        return draft
    pictures = []
    for ref in draft.images:
        try:
            picture, _ = decode(files.image(ref))
        except BadImage:
            continue
        pictures.append(ImageFingerprint(picture.width, picture.height, image_fingerprints.to_grey(picture)))
    item = ComparableItem.of(f"{name}/{draft.id}", draft.question, draft.gold, pictures)
    return ReadFile(item, len(draft.images) - len(pictures))


TEXT, IMAGE, BOTH = "text", "image", "both"
TELLING = 8
"""So many words name a question without its picture; "Find x." does not."""
COMPARED = "compared.json"
"""What the rows were compared with: {benchmark: {"items", "pictures", "lost pictures", "broken rows"}}."""

_ROWS = 256
"""Rows that are compared at once."""
_HIT = re.compile(rf"({TEXT}|{IMAGE}|{BOTH}) of ([^\s;]+)")

Overlap = dict[str, dict[str, dict[str, int]]]
"""{source: {benchmark: {"text" | "image" | "both": rows}}}"""


class Copy(NamedTuple):
    """A row is a copy of the question `id`: by what, and how near."""

    id: str
    by: str
    match: Match

    @property
    def benchmark(self) -> str:
        """The benchmark, without the name of a variant."""
        return self.id.partition("/")[0].partition(":")[0]

    def __str__(self) -> str:
        return compare_items(self.id, self.match.text, self.match.picture)


def decontaminate(samples: StageOutput, context: Context) -> Iterator[Outcome]:
    """Drops the rows that are copies of questions in the benchmarks that the recipe names."""
    reference = ItemIndex(_benchmark_items(context))
    rows = iter(samples)
    while batch := list(islice(rows, _ROWS)):
        items = [context.item(sample) for sample in batch]
        for sample, item, matches in zip(batch, items, reference.matches(items), strict=True):
            found = find_copies(item, reference.items, matches, context.is_template(sample))
            yield _drop(sample, found) if found else sample


def find_copies(
    row: ComparableItem, items: Sequence[ComparableItem], matches: Mapping[int, Match], template: bool
) -> list[Copy]:
    """What `row` is a copy of, the nearest question of each benchmark."""
    best: dict[str, Copy] = {}
    for number, match in matches.items():
        by = find_copies_by(row, items[number], match, template)
        if by:
            found = Copy(items[number].id, by, match)
            other = best.get(found.benchmark)
            if other is None or match > other.match:
                best[found.benchmark] = found
    return list(best.values())


def find_copies_by(row: ComparableItem, item: ComparableItem, match: Match, template: bool) -> str:
    """By what `row` is a copy of `item`: text, image or both; empty if it is none."""
    same_words, same_answer = match.text == 1.0, row.answer == item.answer
    if template:
        equal = match.picture >= EQUAL_PICTURE
        if match.text and (equal or match.part) and (same_answer or (same_words and match.picture == 1.0)):
            return BOTH
        return IMAGE if equal and same_answer else ""
    shown = match.picture > 0 or match.part
    if shown:
        return BOTH if match.text else IMAGE
    if not match.text:
        return ""
    if not row.pictures and not item.pictures:
        return TEXT if same_words or _describe_match(item) else ""
    # A figure is missing on one side, or is another one: equal numbers decide, and then the very words.
    same_numbers = row.text.numbers == item.text.numbers and bool(item.text.numbers)
    comparable = bool(row.pictures and item.pictures)
    return TEXT if (same_words or (same_numbers and not comparable)) and _describe_match(item) else ""


def measure_overlap(drops: Iterable[DroppedSample]) -> Overlap:
    """How many rows of each source were in which benchmark, and by what they were found."""
    counts = Counter((drop.source, *hit[::-1]) for drop in drops for hit in _HIT.findall(drop.reason))
    found: Overlap = {}
    for (source, benchmark, by), count in sorted(counts.items()):
        found.setdefault(source, {}).setdefault(benchmark, {TEXT: 0, IMAGE: 0, BOTH: 0})[by] = count
    return found


def _benchmark_items(context: Context) -> list[ComparableItem]:
    """All questions of all benchmarks, those that a variant repeats once; and a file that says what they are."""
    items: dict[tuple[str, str], ComparableItem] = {}
    compared: dict[str, dict[str, int]] = {}
    for planned in context.benchmarks:
        count = compared.setdefault(planned.name, {"items": 0, "pictures": 0, "lost pictures": 0, "broken rows": 0})
        for read in benchmark_questions(planned.benchmark, context.raw_dir):
            if isinstance(read, DroppedSample):
                count["broken rows"] += 1
                continue
            count["items"] += 1
            count["pictures"] += len(read.item.pictures)
            count["lost pictures"] += read.lost
            family, _, name = read.item.id.partition("/")
            items.setdefault((f"{family.partition(':')[0]}/{name}", " ".join(read.item.text.words)), read.item)
            context.progress(f"read {planned.name}", count["items"], planned.benchmark.size)
    storage.write_json(context.folder / COMPARED, compared)
    return list(items.values())


def _describe_match(item: ComparableItem) -> bool:
    return len(item.text.words) >= TELLING


def _drop(sample: Sample, found: Sequence[Copy]) -> DroppedSample:
    reason = "; ".join(f"{copy.by} of {copy.benchmark}" for copy in found)
    return DroppedSample(sample.id, sample.source, "decontaminate", reason, "; ".join(map(str, found)))
