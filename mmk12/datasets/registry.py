"""Finds benchmarks, sources, recipes and figures by name or by path: the file is its own registration.

Content lives beside the package (`benchmarks/`, `verl_recipes/`, `analysis/`) and travels inside the wheel as
`mmk12/_content/`. Only the file that is asked for is imported, so a broken one cannot break the others, and a
user's own file goes through the same loader as ours.
"""

from __future__ import annotations

from mmk12.datasets.declarations import Benchmark, Source
from mmk12.errors import BadInput, UnknownName
from mmk12.utils.content import find, load_module


def load_benchmark(ref: str) -> Benchmark:
    """The benchmark declared in `benchmarks/<ref>.py` or in the file at path `ref`, or a variant, `<ref>:<variant>`."""
    declared = load_benchmarks(ref.partition(":")[0])
    if ref not in declared:
        raise UnknownName("benchmark", ref, declared)
    return declared[ref]


def load_benchmarks(ref: str) -> dict[str, Benchmark]:
    """What the benchmark file `ref` declares: itself under `ref`, then its variants under `<ref>:<variant>`."""
    module = load_module("benchmark", ref)
    variants = {f"{ref}:{name}": variant for name, variant in getattr(module, "variants", {}).items()}
    declared = {}
    for name, one in {ref: getattr(module, "benchmark", None), **variants}.items():
        if not isinstance(one, Benchmark):
            raise BadInput(f"{find('benchmark', ref)} does not define `benchmark = mmk12.Benchmark(...)`.")
        declared[name] = one
    return declared


def load_source(ref: str) -> Source:
    """The training source declared in `mmk12/datasets/sources/<ref>.py`, or in the file at path `ref`."""
    declared = getattr(load_module("source", ref), "source", None)
    if not isinstance(declared, Source):
        raise BadInput(f"{find('source', ref)} does not define `source = mmk12.Source(...)`.")
    return declared
