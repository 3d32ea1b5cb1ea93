"""Loads benchmarks and sources by name or by path. `mmk12.utils.content` says where their files are."""

from __future__ import annotations

from pathlib import Path

from mmk12.datasets.column_source import read_column_source
from mmk12.datasets.declarations import Benchmark, Source
from mmk12.datasets.own_benchmark import is_table, read_own_benchmark
from mmk12.errors import BadInput, UnknownName
from mmk12.utils.content import find, load_module


def load_benchmark(ref: str) -> Benchmark:
    """Returns the benchmark of `benchmarks/<ref>.py` or of the file at path `ref`, or its variant `<ref>:<variant>`.

    The file is Python that declares a benchmark, or a table of rows (`own_benchmark`). Raises `UnknownName`,
    `MissingData` for a path without a file, or `BadInput` if the file declares no benchmark.
    """
    if is_table(ref):
        return read_own_benchmark(Path(ref))
    declared = load_benchmarks(ref.partition(":")[0])
    if ref not in declared:
        raise UnknownName("benchmark", ref, declared)
    return declared[ref]


def load_benchmarks(ref: str) -> dict[str, Benchmark]:
    """Returns all that a benchmark file declares: itself under `ref`, then its variants under `<ref>:<variant>`."""
    module = load_module("benchmark", ref)
    variants = {f"{ref}:{name}": variant for name, variant in getattr(module, "variants", {}).items()}
    declared = {}
    for name, one in {ref: getattr(module, "benchmark", None), **variants}.items():
        if not isinstance(one, Benchmark):
            raise BadInput(f"{find('benchmark', ref)} does not define `benchmark = mmk12.Benchmark(...)`.")
        declared[name] = one
    return declared


def load_source(ref: str) -> Source:
    """Returns the training source of `mmk12/datasets/sources/<ref>.py` or `.yaml`, or of the file at path `ref`.

    Raises `UnknownName`, `MissingData` for a path without a file, `BadInput` if the file declares no source, or
    `BadRecipe` for faults of a YAML file.
    """
    path = find("source", ref)
    if path.suffix == ".yaml":
        return read_column_source(path)
    declared = getattr(load_module("source", ref), "source", None)
    if not isinstance(declared, Source):
        raise BadInput(f"{path} does not define `source = mmk12.Source(...)`.")
    return declared
