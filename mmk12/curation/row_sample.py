"""`mmk12 check NAME --sample N`: some rows of a dataset as they will be used, for a person to read.

Counts say how many rows a source yields; only reading them shows a question without its numbers or a gold of another
question. The rows are drawn by a hash of their ids, and only their images are decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mmk12.curation.sampling import sample_ids
from mmk12.datasets.declarations import Dataset
from mmk12.datasets.loader import load_samples, locate_dataset, read_samples
from mmk12.types import DroppedSample, RawSample, Sample
from mmk12.utils.images import ImageStore
from mmk12.verifier import classify_gold


@dataclass(frozen=True, slots=True)
class RowView:
    """One row for reading: its question, its gold with the type by which it is graded, and its image files."""

    id: str
    question: str
    gold: str
    kind: str
    type: str
    images: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class RowSample:
    """`rows` drawn from the `usable` ones of `read` rows, and every drop."""

    rows: list[RowView]
    drops: list[DroppedSample]
    read: int
    usable: int


def sample_rows(
    dataset: Dataset, count: int, *, raw_dir: Path | None, images: Path, limit: int | None = None, seed: int = 0
) -> RowSample:
    """Draws `count` usable rows of the first `limit`, and writes their images into the folder `images`.

    Raises `MissingData` if the dataset is not there.
    """
    files, store = locate_dataset(dataset, raw_dir), ImageStore(images)
    # Only ids are kept: all rows with their images would not fit in memory.
    names = [row.id if isinstance(row, RawSample) else None for row in islice(read_samples(dataset, files), limit)]
    usable = [name for name in names if name is not None]
    chosen = sample_ids(usable, count, f"check/{seed}")
    rows: list[RowView] = []
    drops: list[DroppedSample] = []
    for sample in load_samples(dataset, files, store, limit, chosen):
        if isinstance(sample, DroppedSample):
            drops.append(sample)
        else:
            rows.append(_view(sample, store))
    return RowSample(rows, drops, len(names), len(usable))


def _view(sample: Sample, store: ImageStore) -> RowView:
    gold = sample.gold
    files = tuple(store.path(image) for image in sample.images)
    return RowView(sample.id, sample.question, gold.text, gold.kind, classify_gold(gold).type, files)
