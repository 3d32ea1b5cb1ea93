"""Loads a dataset: finds where it is, reads its upstream rows, and makes a `Sample` or `DroppedSample` of each.

Benchmarks and training sources are loaded in the same way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path

from mmk12.datasets.declarations import Benchmark, Dataset, SkipRow, Source
from mmk12.datasets.files import Files
from mmk12.datasets.hub import fetch_files, pin_commit
from mmk12.errors import BadInput, MissingData
from mmk12.types import IMAGE_MARK, BrokenLine, DroppedSample, Image, RawSample, Row, Sample
from mmk12.utils.concurrency import map_in_threads
from mmk12.utils.images import BadImage, ImageStore, Prepared
from mmk12.utils.storage import to_json

_ROW_ERRORS = (KeyError, IndexError, TypeError, ValueError, AttributeError, BadInput)
"""What the conversion of a malformed row raises. Anything else is a bug and is not caught."""
_CACHED_IMAGES = 64
"""Encoded images that are kept during loading, since those inside rows have no name by which to know them again."""


def locate_dataset(dataset: Dataset, raw_dir: Path | None) -> Files:
    """Returns where `dataset` is read from. Raises `MissingData` with its URL, its license and the target folder."""
    if isinstance(dataset, Benchmark) and dataset.root is not None:
        return Files(dataset.root)
    if not dataset.folders:
        return Files(None)  # generated, not read: the demo
    if raw_dir is None:
        if dataset.hub is None:
            reason = "not on the Hugging Face Hub"
        else:
            try:
                return Files(None, pin_commit(dataset.hub).revision)
            except MissingData as error:
                reason = error.reason
        raise MissingData(f"{dataset.name}: no --raw-dir, and {reason}. {advise_download(dataset)}", reason)
    if not raw_dir.is_dir():
        raise MissingData(f"--raw-dir {raw_dir} is not a folder.")
    for folder in dataset.folders:
        if (raw_dir / folder).is_dir():
            return Files(raw_dir / folder)
    raise MissingData(f"{raw_dir} holds no {dataset.name}. {advise_download(dataset)}", "folder not found")


def describe_location(dataset: Dataset, files: Files) -> str:
    """Returns where a dataset is read from: its folder, `hub:ID@COMMIT`, or `generated`."""
    if files.folder is not None:
        return str(files.folder)
    hub = dataset.hub
    return f"hub:{hub.id}@{files.commit}" if dataset.folders and hub is not None else "generated"


def advise_download(dataset: Dataset) -> str:
    """Returns what to fetch, from where, and where to put it."""
    return (
        f"Fetch it from {dataset.url} (license: {dataset.license}) into RAW_DIR/{dataset.folders[0]}/, "
        f"as {dataset.layout}, and pass --raw-dir RAW_DIR."
    )


def fetch_dataset(dataset: Dataset, files: Files) -> Files:
    """Fetches a dataset that is files on the hub, which is only done when its rows are read, not for a plan."""
    hub = dataset.hub
    if files.folder is not None or files.commit is None or hub is None or not hub.files:
        return files
    return Files(fetch_files(replace(hub, revision=files.commit)), files.commit)


def hash_samples(items: Iterable[Sample]) -> str:
    """Returns the SHA-256 of ids, questions, golds and pixels in hexadecimal, by which a set of questions is known.

    The order of the samples and their file formats do not matter.
    """
    rows = sorted(
        [
            item.id.removeprefix(f"{item.source}/"),
            to_plain(item),
            item.gold.text,
            [image.sha256 for image in item.images],
        ]
        for item in items
    )
    return hashlib.sha256(to_json([rows]).encode("utf-8", "replace")).hexdigest()


def to_plain(item: Sample) -> str:
    """Returns the question without a leading image mark, as datasets with one image per question print it."""
    return item.question.removeprefix(IMAGE_MARK)


def load_samples(
    dataset: Dataset,
    files: Files,
    store: ImageStore,
    limit: int | None = None,
    chosen: frozenset[str] | None = None,
    need_images: bool = True,
) -> Iterator[Sample | DroppedSample]:
    """Yields the samples of a source or benchmark in upstream order and stores their images in `store`.

    `files` is what `locate_dataset` has found. Reads at most `limit` rows; of the usable ones among them only those
    whose `RawSample.id` is in `chosen`, if that is given: the images of the others are not even opened. Rows that
    cannot be used become a `DroppedSample` of the stage "load". Unless the images are needed, a row whose images cannot
    be read keeps its marks and has no image. Raises `MissingData` if the hub does not give the rows.
    """
    files = fetch_dataset(dataset, files)
    seen: set[str] = set()
    stored: dict[str, Image] = {}

    @lru_cache(maxsize=_CACHED_IMAGES)
    def decode(ref: str | bytes) -> Prepared:
        return store.prepare(files.image(ref))

    def prepare(ref: str | bytes) -> Prepared:
        image = stored.get(ref) if isinstance(ref, str) else None
        return decode(ref) if image is None else Prepared(image, "", None, None)

    drafts: Iterator[RawSample | DroppedSample] = islice(read_samples(dataset, files), limit)
    if chosen is not None:
        drafts = (row for row in drafts if isinstance(row, DroppedSample) or row.id in chosen)
    rows = map_in_threads(partial(_decode_images, dataset, prepare, need_images), drafts)
    for number, row in enumerate(rows):
        sample = row if isinstance(row, DroppedSample) else _make_sample(dataset, *row, store, stored)
        if sample.id in seen:
            yield DroppedSample(sample.id, dataset.name, "load", "repeated id", f"row {number}")
            continue
        seen.add(sample.id)
        yield sample


def read_samples(dataset: Dataset, files: Files) -> Iterator[RawSample | DroppedSample]:
    """Yields a `RawSample` or `DroppedSample` for each upstream row; images are not decoded."""
    files = fetch_dataset(dataset, files)
    for number, row in enumerate(_rows(dataset, files)):
        name = f"{dataset.name}/row {number}"
        if isinstance(row, BrokenLine):
            yield DroppedSample(name, dataset.name, "load", "broken line", f"{row.where}: {row.reason}")
            continue
        try:
            draft = dataset.draft(row)
            _check_tags(draft)
        except SkipRow as skip:
            yield DroppedSample(name, dataset.name, "load", skip.reason, skip.evidence)
        except _ROW_ERRORS as error:
            yield DroppedSample(name, dataset.name, "load", "malformed row", f"{type(error).__name__}: {error}")
        else:
            yield draft


def _rows(dataset: Dataset, files: Files) -> Iterator[Row | BrokenLine]:
    """Yields the upstream rows.

    An unreadable file of a source loses only its own rows; an incomplete benchmark is an error.
    """
    try:
        yield from dataset.rows(files)
    except BadInput as error:
        if not isinstance(dataset, Source):
            raise
        yield BrokenLine("a file of its rows", str(error).replace(f"{files.folder}/", ""))


def _check_tags(draft: RawSample) -> None:
    for name, tag in draft.tags.items():
        labels = (tag,) if isinstance(tag, str) else tag
        if not isinstance(labels, tuple) or not all(isinstance(label, str) for label in labels):
            raise TypeError(f"the tag '{name}' is of type {type(tag).__name__}, not a text")


def _decode_images(
    dataset: Dataset, prepare: Callable[[str | bytes], Prepared], needed: bool, draft: RawSample | DroppedSample
) -> tuple[RawSample, list[Prepared]] | DroppedSample:
    """Returns a raw sample with its decoded images. This is the part that runs in threads."""
    if isinstance(draft, DroppedSample):
        return draft
    prepared: list[Prepared] = []
    for ref in draft.images:
        try:
            prepared.append(prepare(ref))
        except BadImage as error:
            if not needed:
                return draft, []
            label = ref if isinstance(ref, str) else "inline image"
            name = f"{dataset.name}/{draft.id}"
            return DroppedSample(name, dataset.name, "load", "unusable image", f"{label}: {error}")
    return draft, prepared


def _make_sample(
    dataset: Dataset, draft: RawSample, prepared: list[Prepared], store: ImageStore, stored: dict[str, Image]
) -> Sample | DroppedSample:
    """Returns the sample of a row after storing its images; `stored` remembers those that have a name."""
    name = f"{dataset.name}/{draft.id}"
    question = draft.question
    if draft.images and IMAGE_MARK not in question:
        question = IMAGE_MARK * len(draft.images) + question
    marks = question.count(IMAGE_MARK)
    if marks != len(draft.images):
        evidence = f"{marks} {IMAGE_MARK} marks for {len(draft.images)} images"
        return DroppedSample(name, dataset.name, "load", "image marks do not match", evidence)
    if not question.replace(IMAGE_MARK, "").strip():
        return DroppedSample(name, dataset.name, "load", "empty question")
    images = tuple(store.keep(image) for image in prepared)
    stored.update((ref, image) for ref, image in zip(draft.images, images, strict=False) if isinstance(ref, str))
    return Sample(name, dataset.name, question, images, draft.gold, draft.tags, draft.cluster)
