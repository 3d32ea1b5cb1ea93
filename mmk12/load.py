"""Upstream rows -> samples, the same way for benchmarks and training sources; every row ends as one or as a drop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mmk12.declarations import Dataset
from mmk12.errors import BadInput
from mmk12.files import Files
from mmk12.images import BadImage, ImageStore
from mmk12.locate import locate
from mmk12.types import IMAGE_MARK, BrokenLine, Draft, Dropped, Image, Sample

_ROW_FAULTS = (KeyError, IndexError, TypeError, ValueError, AttributeError, BadInput)
"""What converting a malformed row raises. Anything else is a bug of ours and is not swallowed."""


def load(dataset: Dataset, raw_dir: Path | None, store: ImageStore) -> Iterator[Sample | Dropped]:
    """The samples of a source or benchmark in upstream order, images decoded into `store`.

    Rows that cannot be used come as `Dropped` with stage "load". Raises `MissingData` if there is nothing to read.
    """
    files = locate(dataset, raw_dir)
    seen: set[str] = set()
    for number, row in enumerate(dataset.rows(files)):
        if isinstance(row, BrokenLine):
            yield Dropped(
                f"{dataset.name}/row {number}",
                dataset.name,
                "load",
                "broken line",
                f"{row.where}: {row.reason}",
            )
            continue
        try:
            draft = dataset.draft(row)
        except _ROW_FAULTS as error:
            name = f"{dataset.name}/row {number}"
            yield Dropped(name, dataset.name, "load", "malformed row", f"{type(error).__name__}: {error}")
            continue
        sample = _sample(dataset, draft, files, store)
        if sample.id in seen:
            yield Dropped(sample.id, dataset.name, "load", "repeated id", f"row {number}")
            continue
        seen.add(sample.id)
        yield sample


def _sample(dataset: Dataset, draft: Draft, files: Files, store: ImageStore) -> Sample | Dropped:
    name = f"{dataset.name}/{draft.id}"
    images: list[Image] = []
    for ref in draft.images:
        try:
            images.append(store.add(files.image(ref)))
        except BadImage as error:
            shown = ref if isinstance(ref, str) else "inline image"
            return Dropped(name, dataset.name, "load", "unusable image", f"{shown}: {error}")
    question = draft.question
    if images and IMAGE_MARK not in question:
        question = IMAGE_MARK * len(images) + question
    marks = question.count(IMAGE_MARK)
    if marks != len(images):
        evidence = f"{marks} {IMAGE_MARK} marks for {len(images)} images"
        return Dropped(name, dataset.name, "load", "image marks do not match", evidence)
    if not question.replace(IMAGE_MARK, "").strip():
        return Dropped(name, dataset.name, "load", "empty question")
    return Sample(name, dataset.name, question, tuple(images), draft.gold, draft.tags, draft.cluster)
