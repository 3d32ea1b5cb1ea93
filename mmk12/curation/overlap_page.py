"""overlap.html: rows of a training set beside the benchmark questions that they are copies of, for human eyes.

The page is one file without scripts: images are embedded as small WebP files, and everything from the data is text.
Its size is bounded: `MAX_PAIRS` pairs, drawn from every benchmark in proportion, and `MAX_BYTES` of images.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from mmk12.curation.overlap_record import PAGE_FILE, Overlap, Pair
from mmk12.curation.plan import PlannedBenchmark
from mmk12.curation.sampling import sample_evenly
from mmk12.curation.training_set import TrainingSet
from mmk12.datasets.declarations import Dataset
from mmk12.datasets.files import Files
from mmk12.datasets.loader import read_samples
from mmk12.types import IMAGE_MARK, RawSample
from mmk12.utils import storage, templating
from mmk12.utils.images import BadImage, decode
from mmk12.utils.progress import Progress, ignore_progress
from mmk12.utils.rich_text import render_answer, render_text, to_html

MAX_PAIRS = 200
"""The number of pairs on a page; overlap.jsonl has all of them."""
MAX_BYTES = 12_000_000
"""The bytes of all images of a page; those beyond are left out, and the page says so."""
MAX_IMAGES = 4
"""The images that are shown of one question."""
MAX_CHARACTERS = 2_000
"""The characters that are shown of one question."""
SIDE = 360
"""Longest side of a shown image in pixels."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A question on the page: texts as safe HTML, images as data URLs, and the number of images that are not shown."""

    text: str
    answer: str
    choices: tuple[str, ...]
    images: tuple[str, ...]
    left_out: int


def write_page(
    out: Path,
    overlap: Overlap,
    pairs: Sequence[Pair],
    training_set: TrainingSet,
    benchmarks: Sequence[PlannedBenchmark],
    progress: Progress = ignore_progress,
) -> None:
    """Writes the page into the folder `out`; the questions of the pairs are read again from where they are."""
    chosen = choose_pairs(pairs)
    draw = _Drawer()
    rows = _read_rows(training_set, {pair.row for pair in chosen}, draw, progress)
    items = _read_items(benchmarks, {pair.item for pair in chosen}, draw, progress)
    sections = [
        (name, [(pair, rows.get(pair.row), items.get(pair.item)) for pair in group])
        for name, group in groupby(chosen, key=attrgetter("benchmark"))
    ]
    page = templating.render_template(
        "overlap.html.j2", overlap=overlap, sections=sections, shown=len(chosen), total=len(pairs)
    )
    storage.write_text(out / PAGE_FILE, page)


def choose_pairs(pairs: Sequence[Pair]) -> list[Pair]:
    """Returns at most `MAX_PAIRS` pairs, drawn from every benchmark and kind in proportion, by benchmark, kind and row.

    Every benchmark and kind that has a pair shows one, as long as there is room.
    """
    groups = {str(number): f"{pair.benchmark}/{pair.by}" for number, pair in enumerate(pairs)}
    firsts = {group: name for name, group in reversed(groups.items())}
    chosen = set(list(firsts.values())[:MAX_PAIRS])
    others = {name: group for name, group in groups.items() if name not in chosen}
    chosen |= sample_evenly(others, min(MAX_PAIRS - len(chosen), len(others)), "overlap") if others else set()
    drawn = (pairs[int(name)] for name in chosen)
    return sorted(drawn, key=lambda pair: (pair.benchmark, pair.by, pair.row, pair.item))


def _read_rows(
    training_set: TrainingSet, numbers: Collection[int], draw: _Drawer, progress: Progress
) -> dict[int, Shown]:
    """Returns the rows with these numbers. Reading stops behind the last one."""
    last = max(numbers, default=-1)
    rows: dict[int, Shown] = {}
    source, files = training_set.source, training_set.files
    for number, row in enumerate(read_samples(source, files) if numbers else ()):
        if number in numbers and isinstance(row, RawSample):
            rows[number] = draw(row, files)
        progress("draw rows", number + 1, last + 1)
        if number == last:
            break
    return rows


def _read_items(
    benchmarks: Sequence[PlannedBenchmark], names: Collection[str], draw: _Drawer, progress: Progress
) -> dict[str, Shown]:
    """Returns the questions of benchmarks with these names, `BENCHMARK/ID`."""
    items: dict[str, Shown] = {}
    for one in benchmarks:
        wanted = {name for name in names if name.partition("/")[0] == one.name}
        for name, row in _read_named(one.benchmark, one.files) if wanted else ():
            if name in wanted - items.keys():
                items[name] = draw(row, one.files)
                progress("draw questions", len(items), len(names))
    return items


def _read_named(dataset: Dataset, files: Files) -> Iterator[tuple[str, RawSample]]:
    for row in read_samples(dataset, files):
        if isinstance(row, RawSample):
            yield f"{dataset.name}/{row.id}", row


class _Drawer:
    """Makes `Shown` questions until the bytes of their images are used up."""

    def __init__(self) -> None:
        self._left = MAX_BYTES

    def __call__(self, row: RawSample, files: Files) -> Shown:
        images = [url for ref in row.images[:MAX_IMAGES] if (url := self._embed(files, ref))]
        question, answer = _shorten(row.question.replace(IMAGE_MARK, " ").strip()), _shorten(row.gold.text)
        return Shown(
            to_html(render_text(question), question),
            to_html(render_answer(answer), answer) if answer else "",
            tuple(to_html(render_answer(choice), choice) for choice in map(_shorten, row.gold.choices)),
            tuple(images),
            len(row.images) - len(images),
        )

    def _embed(self, files: Files, ref: str | bytes) -> str:
        """Returns an image as a data URL; the empty text if it cannot be read or there is no room for it."""
        if self._left <= 0:
            return ""
        try:
            image, _ = decode(files.image(ref))
        except BadImage:
            return ""
        image.thumbnail((SIDE, SIDE))
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=70, method=2)
        url = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
        self._left -= len(url)
        return url


def _shorten(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} […]"
