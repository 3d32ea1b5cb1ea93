"""The items of a run: loads those of the benchmarks that are asked for, and keeps those of earlier calls.

A run only grows. A call with `--limit`, or with fewer pictures at hand, never takes away what an earlier call has
asked; a call for another benchmark leaves the first one where it is.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mmk12.datasets.declarations import Benchmark
from mmk12.datasets.loader import describe_location, hash_samples, load_samples, locate_dataset
from mmk12.errors import MissingData, OutputError
from mmk12.evaluation.records import BenchmarkSettings
from mmk12.evaluation.run_folder import Item
from mmk12.types import DroppedSample, Sample
from mmk12.utils import content, storage
from mmk12.utils.images import ImageStore
from mmk12.utils.progress import Progress


@dataclass(frozen=True, slots=True)
class LoadedBenchmark:
    """A benchmark under the name by which it was asked for, with its samples and where they were read from."""

    ref: str
    benchmark: Benchmark
    samples: tuple[Sample | DroppedSample, ...]
    read_from: str


def load_benchmarks(
    declared: Mapping[str, Benchmark],
    store: ImageStore,
    *,
    raw_dir: Path | None,
    limit: int | None,
    allow_missing: bool,
    need_images: bool,
    progress: Progress,
) -> tuple[list[LoadedBenchmark], list[str]]:
    """Loads the samples of benchmarks, and returns notes on those that are left out.

    Args:
        declared: The benchmarks by the name that the user gave.
        store: Where their images are kept.
        raw_dir: A folder with one subfolder per benchmark; the Hugging Face Hub if None.
        limit: The number of items of each benchmark, from its first; all if None.
        allow_missing: Whether to leave out benchmarks that are not there.
        need_images: Whether an item without its images is unusable. Saved answers are graded without any.
        progress: Called with a label, the count so far and the total.

    Raises:
        MissingData: A benchmark is missing and `allow_missing` is false, or none could be read.
    """
    loaded, notes = list[LoadedBenchmark](), list[str]()
    for ref, benchmark in declared.items():
        total = min(benchmark.size, limit or benchmark.size)
        samples: list[Sample | DroppedSample] = []
        try:
            files = locate_dataset(benchmark, raw_dir)
            for sample in load_samples(benchmark, files, store, limit, need_images=need_images):
                samples.append(sample)
                progress(f"load {benchmark.name}", len(samples), total)
        except MissingData as error:
            if not allow_missing:
                raise
            notes.append(f"{benchmark.name} left out: {error}")
        else:
            folder = benchmark.layout if benchmark.root is not None else "raw-dir"
            place = folder if files.folder is not None else describe_location(benchmark, files)
            loaded.append(LoadedBenchmark(ref, benchmark, tuple(samples), place))
    if not any(one.samples for one in loaded):
        raise MissingData(" ".join(["None of the benchmarks could be read.", *notes]))
    return loaded, notes


def merge_items(before: Sequence[Item], fresh: Sequence[Item], folder: Path) -> list[Item]:
    """Returns the items of a run after a call: those of earlier calls, and `fresh`, which replace equal ids.

    Of a benchmark that both have, the larger set of items stays. An item that was asked before stays asked, even if its
    image cannot be read any more.

    Raises:
        OutputError: Earlier calls have items of a benchmark that the data no longer has, and lack some that it has.
    """
    old, new = _group_by_benchmark(before), _group_by_benchmark(fresh)
    return [
        item
        for name in dict.fromkeys((*old, *new))
        for item in _merge_benchmark(name, old.get(name, {}), new.get(name, {}), folder)
    ]


_Place = tuple[str, int]
"""The id of an item, and how many items before it have the same one: the repetitions are dropped samples."""


def _group_by_benchmark(items: Sequence[Item]) -> dict[str, dict[_Place, Item]]:
    grouped: dict[str, dict[_Place, Item]] = {}
    seen: Counter[str] = Counter()
    for item in items:
        id_ = item.sample.id
        grouped.setdefault(item.benchmark, {})[id_, seen[id_]] = item
        seen[id_] += 1
    return grouped


def _merge_benchmark(name: str, old: Mapping[_Place, Item], new: Mapping[_Place, Item], folder: Path) -> list[Item]:
    if old.keys() - new.keys() and new.keys() - old.keys():
        (lost, _), (found, _) = (min(a.keys() - b.keys()) for a, b in ((old, new), (new, old)))
        raise OutputError(
            f"{folder} holds other items of {name} than the data: {lost} is not in the data, {found} not in the "
            "folder. Choose another --out."
        )
    return [_choose(old.get(place), new.get(place)) for place in (old if len(old) > len(new) else new)]


def _choose(old: Item | None, new: Item | None) -> Item:
    """Returns the newer of two items, unless only the older one could be asked, or has its images."""
    if old is None or new is None:
        item = new or old
        assert item is not None, "one of the two has every item"
        return item
    if isinstance(old.sample, DroppedSample):
        return new
    return new if isinstance(new.sample, Sample) and len(new.sample.images) >= len(old.sample.images) else old


def describe_benchmark(
    loaded: LoadedBenchmark, items: Sequence[Item], limit: int | None, before: BenchmarkSettings | None
) -> BenchmarkSettings:
    """Returns what run.json keeps of a benchmark.

    Args:
        loaded: The benchmark as this call has loaded it.
        items: All items of the run.
        limit: The limit of this call.
        before: What run.json had; its items stay, so the larger limit holds.
    """
    benchmark = loaded.benchmark
    own = [item for item in items if item.benchmark == benchmark.name]
    rows = "\n".join(storage.to_json(asdict(item.sample)) for item in own)
    samples = [item.sample for item in own if isinstance(item.sample, Sample)]
    # With other items under the same name (K12 benchmarks can be drawn afresh), published numbers mean nothing.
    comparable = benchmark.content in (None, hash_samples(samples)) or len(samples) < benchmark.size
    limits = [limit] if before is None else [limit, before.limit]
    built_in = loaded.ref.partition(":")[0] in content.names("benchmark")
    return BenchmarkSettings(
        about=benchmark.about,
        size=benchmark.size,
        items=len(own),
        limit=None if None in limits else max(one for one in limits if one is not None),
        sha256=hashlib.sha256(rows.encode("utf-8", "replace")).hexdigest(),
        read_from=loaded.read_from,
        groups=benchmark.groups,
        official=benchmark.official,
        metrics=loaded.ref if benchmark.metrics and built_in else None,
        published=benchmark.published if comparable else (),
    )
