"""The files that `mmk12 overlap` writes, as types: overlap.json is an `Overlap`, a line of overlap.jsonl a `Pair`."""

from __future__ import annotations

from mmk12.utils.config import FrozenModel

OVERLAP_FILE, PAIRS_FILE, PAGE_FILE = "overlap.json", "overlap.jsonl", "overlap.html"
SCHEMA_VERSION = 1


class Pair(FrozenModel):
    """A row and the most similar question of a benchmark that it is a copy of.

    `row` counts the rows of the set from 0, `id` is the row's own where it has one. `by` is text, image or both; `text`
    and `image` are similarities from 0 to 1, 0 below their thresholds. `template` tells which rule was applied.
    """

    row: int
    id: str
    benchmark: str
    item: str
    by: str
    text: float
    image: float
    template: bool


class BenchmarkOverlap(FrozenModel):
    """The rows that are copies of a benchmark's questions, and how many of its `questions` they copy, at least.

    `lost_images` and `broken_rows` are of the benchmark: what could not be read of it was not compared.
    """

    questions: int
    lost_images: int
    broken_rows: int
    text: int
    image: int
    both: int
    copied: int

    @property
    def rows(self) -> int:
        """The number of rows that are copies."""
        return self.text + self.image + self.both


class Overlap(FrozenModel):
    """The contents of overlap.json.

    `rows` is the number of rows that were read, `compared` that of those with a question, `unreadable` the others by
    reason. Of the rows compared, `lost_images` had images that could not be read (their words alone decided) and
    `templates` were compared by the rule for template sources. `overlapping` is the number of rows that are copies of
    any question. `not_compared` names the benchmarks that could not be read: nothing is known of them.
    """

    schema_version: int = SCHEMA_VERSION
    dataset: str
    read_from: str
    limit: int | None
    columns: dict[str, tuple[str, ...]]
    removed: tuple[str, ...]
    rows: int
    compared: int
    unreadable: dict[str, int]
    lost_images: int
    templates: int
    overlapping: int
    benchmarks: dict[str, BenchmarkOverlap]
    not_compared: dict[str, str]

    @property
    def share(self) -> float:
        """The share of the compared rows that overlap with any benchmark."""
        return self.overlapping / self.compared if self.compared else 0.0

    @property
    def notes(self) -> list[str]:
        """What a reader of the counts must know, a sentence each."""
        notes = [f"{count:,} of {self.rows:,} rows were not compared: {why}" for why, count in self.unreadable.items()]
        if self.lost_images:
            notes.append(
                f"{self.lost_images:,} rows had images that could not be read; their words alone were compared"
            )
        if self.templates:
            notes.append(
                f"{self.templates:,} rows are questions made from templates: "
                "only the same figure with the same answer is a copy"
            )
        notes += [f"left out of every question: {text}" for text in self.removed]
        notes += [
            f"{name}: {one.lost_images:,} images and {one.broken_rows:,} rows of it could not be read and compared"
            for name, one in self.benchmarks.items()
            if one.lost_images or one.broken_rows
        ]
        return notes
