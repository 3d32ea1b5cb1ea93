"""Plans a build before any work: its sources, the benchmarks to remove from them, their location, what is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mmk12.datasets.declarations import Benchmark, Dataset, Source
from mmk12.datasets.files import Files
from mmk12.datasets.loader import describe_location, locate_dataset
from mmk12.datasets.registry import load_benchmark, load_benchmarks, load_source
from mmk12.errors import BadInput, BadRecipe, MissingData
from mmk12.recipes.recipe_loader import load_recipe
from mmk12.recipes.schema import Recipe
from mmk12.utils import fingerprint
from mmk12.utils.content import find, names


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """One source of a recipe: `where` it would be read from, or why it is `missing`.

    `reason` is the short form of `missing`; `cap` None means all rows, `collect` None that all of them are loaded.
    """

    name: str
    source: Source
    file: Path
    cap: int | None
    where: str = ""
    missing: str = ""
    reason: str = ""
    files: Files = field(default_factory=lambda: Files(None))
    collect: int | None = None

    @property
    def dataset(self) -> Dataset:
        """What its file declares."""
        return self.source

    def read_from(self, raw_dir: Path | None) -> str:
        """Returns `where`, relative to the raw folder, so that it does not differ from machine to machine."""
        return _relative(self.files, self.where, raw_dir)

    def key(self) -> list[Any]:
        """Returns what its rows depend on beside code: a hash of the raw folder, or the hub dataset."""
        return [self.name, _key(self.files, self.where), *([self.collect] if self.collect is not None else [])]

    @property
    def expected(self) -> int | None:
        """The number of rows to expect: the publisher's count, up to the cap; None where neither is known."""
        known = [count for count in (self.source.size, self.cap) if count is not None]
        return min(known, default=None)


@dataclass(frozen=True, slots=True)
class PlannedBenchmark:
    """A benchmark whose questions are removed: `where` it is read from, or why it is `missing`."""

    name: str
    benchmark: Benchmark
    file: Path
    where: str = ""
    missing: str = ""
    reason: str = ""
    files: Files = field(default_factory=lambda: Files(None))

    @property
    def dataset(self) -> Dataset:
        """What its file declares."""
        return self.benchmark

    def read_from(self, raw_dir: Path | None) -> str:
        """Returns `where`, relative to the raw folder."""
        return _relative(self.files, self.where, raw_dir)

    def key(self) -> list[str]:
        """Returns what its questions depend on beside code."""
        return [self.name, _key(self.files, self.where)]


@dataclass(frozen=True, slots=True)
class Plan:
    """A recipe, its sources in order of priority, the benchmarks that are removed from them, and the stages to run.

    `instead_of` names the requested recipe if none of its sources is there and it names this one as the alternative.
    """

    recipe: Recipe
    sources: tuple[PlannedSource, ...]
    stages: tuple[str, ...]
    raw_dir: Path | None
    limit: int | None
    benchmarks: tuple[PlannedBenchmark, ...] = ()
    instead_of: str = ""

    @property
    def available(self) -> tuple[PlannedSource, ...]:
        """The sources that can be read, in order."""
        return tuple(planned for planned in self.sources if not planned.missing)

    @property
    def missing(self) -> Mapping[str, str]:
        """Why the other sources cannot be read, by name."""
        return {planned.name: planned.missing for planned in self.sources if planned.missing}

    @property
    def compared(self) -> tuple[PlannedBenchmark, ...]:
        """The benchmarks that can be read."""
        return tuple(planned for planned in self.benchmarks if not planned.missing)

    @property
    def not_compared(self) -> Mapping[str, str]:
        """The benchmarks that cannot be read, so their questions may be in the mixture: {name: why}."""
        return {planned.name: planned.missing for planned in self.benchmarks if planned.missing}

    @property
    def places(self) -> Mapping[str, str]:
        """Where each source and benchmark is read from, or why it cannot be read, by name."""
        read: list[PlannedSource | PlannedBenchmark] = [*self.sources, *self.benchmarks]
        return {planned.name: planned.where or planned.missing for planned in read}

    def require(self, allow_missing: bool) -> None:
        """Raises `MissingData` with everything that is missing, unless that is allowed and something is left."""
        planned: list[PlannedSource | PlannedBenchmark] = [*self.sources, *self.benchmarks]
        missing = [one for one in planned if one.missing]
        if not missing or (allow_missing and self.available):
            return
        if self.raw_dir is not None and not self.raw_dir.is_dir():
            raise MissingData(f"--raw-dir {self.raw_dir} is not a folder.")
        head = f"{self.recipe.name}: {len(missing)} {'datasets are' if len(missing) > 1 else 'dataset is'} missing."
        if self.instead_of:
            head = f"{self.instead_of} has no source here, so {self.recipe.name} was tried. {head}"
        advice = ["Fetch each into its folder below RAW_DIR (files: docs/raw-layout.md) and pass --raw-dir RAW_DIR."]
        if self.not_compared:
            advice.append(f"Questions of unread benchmarks ({', '.join(self.not_compared)}) may be in the mixture.")
        if not allow_missing:
            advice.append("To continue without the missing datasets: --allow-missing.")
        raise MissingData("\n".join([head, *_list_missing(missing), *advice]))


def _list_missing(missing: Sequence[PlannedSource | PlannedBenchmark]) -> list[str]:
    """One aligned line for each dataset: name, folder, license, reason and URL."""
    cells = [("dataset", "folder", "license", "reason", "from")]
    for one in missing:
        dataset = one.dataset
        cells.append((one.name, f"{dataset.folders[0]}/", dataset.license, one.reason, dataset.url))
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]


def make_plan(recipe: Recipe, stages: tuple[str, ...], raw_dir: Path | None, limit: int | None) -> Plan:
    """Makes the plan of a recipe. What is missing is part of the plan, not an error.

    If no source is there and the recipe names an alternative (`otherwise`), the plan is that of the alternative.
    """
    plan, other = _plan(recipe, stages, raw_dir, limit), recipe.data.otherwise
    if plan.available or other is None:
        return plan
    instead = _plan(load_recipe(other).with_seed(recipe.data.seed), stages, raw_dir, limit)
    return replace(instead, instead_of=recipe.name)


def _plan(recipe: Recipe, stages: tuple[str, ...], raw_dir: Path | None, limit: int | None) -> Plan:
    planned: dict[str, PlannedSource] = {}
    for ref, most in recipe.data.sources.items():
        one = _plan_source(ref, None if most == "all" else most, recipe.data.collect.get(ref), raw_dir)
        if one.name in planned:
            raise BadRecipe(f"{recipe.name}: two sources are called '{one.name}', so their ids would collide.")
        planned[one.name] = one
    benchmarks = plan_benchmarks(recipe.data.decontaminate, raw_dir) if "decontaminate" in stages else ()
    return Plan(recipe, tuple(planned.values()), stages, raw_dir, limit, benchmarks)


def _plan_source(ref: str, most: int | None, collect: int | None, raw_dir: Path | None) -> PlannedSource:
    source, file = load_source(ref), find("source", ref)
    try:
        files = _locate_rows(source, raw_dir)
    except MissingData as error:
        return PlannedSource(source.name, source, file, most, missing=str(error), reason=error.reason)
    return PlannedSource(
        source.name, source, file, most, where=describe_location(source, files), files=files, collect=collect
    )


def plan_benchmarks(refs: str | Sequence[str], raw_dir: Path | None) -> tuple[PlannedBenchmark, ...]:
    """Plans the benchmarks of a list; for `all`, every declared one, with its variants that are there."""
    if refs != "all":
        return tuple(_plan_benchmark(ref, raw_dir) for ref in refs)
    planned = []
    for name in names("benchmark"):
        first, *variants = (_plan_benchmark(ref, raw_dir) for ref in _load_declared(name, raw_dir))
        planned += [first, *(one for one in variants if not one.missing)]
    return tuple(planned)


def _load_declared(name: str, raw_dir: Path | None) -> list[str]:
    """Returns a benchmark and its variants. On the hub, variants are only read when a recipe names them."""
    return list(load_benchmarks(name)) if raw_dir is not None else [name]


def _plan_benchmark(ref: str, raw_dir: Path | None) -> PlannedBenchmark:
    benchmark, file = load_benchmark(ref), find("benchmark", ref.partition(":")[0])
    try:
        files = _locate_rows(benchmark, raw_dir)
    except MissingData as error:
        return PlannedBenchmark(benchmark.name, benchmark, file, missing=str(error), reason=error.reason)
    except BadInput as error:
        return PlannedBenchmark(benchmark.name, benchmark, file, missing=str(error), reason=str(error))
    where = describe_location(benchmark, files)
    return PlannedBenchmark(benchmark.name, benchmark, file, where=where, files=files)


def _locate_rows(dataset: Dataset, raw_dir: Path | None) -> Files:
    """Returns the files of a dataset.

    Raises `MissingData` also for a folder that exists and has no row in the expected layout, so that it is known now
    and not after hours.
    """
    files = locate_dataset(dataset, raw_dir)
    if files.folder is not None and not _has_rows(dataset, files):
        what = f"{files.folder} holds no {dataset.layout}"
        raise MissingData(f"{what} of {dataset.name}; fetch it from {dataset.url}.", what)
    return files


def _has_rows(dataset: Dataset, files: Files) -> bool:
    try:
        return next(iter(dataset.rows(files)), None) is not None
    except MissingData:
        return False


def _relative(files: Files, where: str, raw_dir: Path | None) -> str:
    folder = files.folder
    return str(folder.relative_to(raw_dir)) if folder is not None and raw_dir is not None else where


def _key(files: Files, where: str) -> str:
    return fingerprint.hash_folder(files.folder) if files.folder is not None else where
