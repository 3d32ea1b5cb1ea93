"""What a content file declares: a training source or a benchmark, as a plain value that holds functions.

There is no class to subclass and no registry to edit: one file defines one of these values.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from mmk12.datasets.files import Files
from mmk12.types import BrokenLine, Graded, HubDataset, RawSample, Row
from mmk12.utils.rates import Rate

ORIGIN = "origin"
"""The tag by which a row of a published mixture names the source that it comes from."""

T = TypeVar("T")
_OLD_KEYWORD = "'licence' is called 'license' now; the old name will be removed in release 0.3.0"


def _accept_licence(declaration: type[T]) -> type[T]:
    """Accepts the keyword and attribute `licence` of release 0.1.0 in the place of `license`, with a warning."""
    create = declaration.__init__

    @functools.wraps(create)
    def __init__(self: T, *args: Any, **kwargs: Any) -> None:
        if "licence" in kwargs:
            warnings.warn(_OLD_KEYWORD, DeprecationWarning, stacklevel=2)
        if "license" not in kwargs and "licence" in kwargs:
            kwargs["license"] = kwargs.pop("licence")
        create(self, *args, **kwargs)

    def licence(self: Any) -> str:
        warnings.warn(_OLD_KEYWORD, DeprecationWarning, stacklevel=2)
        return str(self.license)

    setattr(declaration, "__init__", __init__)  # noqa: B010 - mypy refuses the plain assignment
    setattr(declaration, "licence", property(licence))  # noqa: B010
    return declaration


class SkipRow(ValueError):
    """Raised by a `draft` function to leave out a valid row; `reason` and `evidence` go to drops.jsonl."""

    def __init__(self, reason: str, evidence: str = "") -> None:
        super().__init__(reason, evidence)
        self.reason, self.evidence = reason, evidence


@_accept_licence
@dataclass(frozen=True, slots=True)
class Source:
    """A training source: one file in `mmk12/datasets/sources`.

    name: the id in `mmk12 list sources`, in sample ids and in recipes
    about: one line on the content
    license: the license as the publisher states it
    url: where to get the files
    folders: candidate folders below `--raw-dir`, in order of preference; none for generated data
    layout: the files that are expected there, in words
    rows: reads the upstream rows, in upstream order
    draft: converts one row. A row that raises becomes a counted drop; it never stops the build
    hub: the dataset on the Hugging Face Hub, if it is there
    size: the number of rows of a complete download, None if the publisher does not state it
    template: whether questions are made from templates, so that equal words on another image are another question
    """

    name: str
    about: str
    license: str
    url: str
    folders: tuple[str, ...]
    layout: str
    rows: Callable[[Files], Iterable[Row | BrokenLine]]
    draft: Callable[[Row], RawSample]
    hub: HubDataset | None = None
    size: int | None = None
    template: bool = False


@dataclass(frozen=True, slots=True)
class PublishedResult:
    """A published number in percent, with its grader and its source, which decide whether it is comparable.

    `protocol` names how the model was asked, if that is known: one of `mmk12 list protocols`. `metric` names the number
    over several items that it is; it is the accuracy if empty.
    """

    model: str
    accuracy: float
    grader: str
    source: str
    protocol: str = ""
    metric: str = ""


MetricsFunction = Callable[[Sequence[Graded]], Mapping[str, Rate]]
"""Computes numbers that are no mean over single items, such as the share of problems with all variants right."""


@_accept_licence
@dataclass(frozen=True, slots=True)
class Benchmark:
    """An evaluation set: one file in `benchmarks/`. It is read like a `Source`.

    size: the number of items; a benchmark must be complete
    groups: the tags that get sub-scores
    published: results of others on this benchmark
    official: the grader in `mmk12.evaluation.official`, if the publisher's rules differ from ours
    metrics: computes numbers over several items, {name: rate}, from the graded items of one run. A limited run has
        only some of them, so the function leaves out problems that are not complete
    content: the `hash_samples` of the published items, for a benchmark whose name other data may also have; only
        these items are compared with published results
    root: the folder of its data, where that is known without a raw folder: of a benchmark that is a table of rows

    The other fields are those of `Source`. A file may define a dict `variants` beside its `benchmark`: other splits or
    configurations, named `<file>:<variant>`.
    """

    name: str
    about: str
    license: str
    url: str
    folders: tuple[str, ...]
    layout: str
    size: int
    rows: Callable[[Files], Iterable[Row | BrokenLine]]
    draft: Callable[[Row], RawSample]
    groups: tuple[str, ...] = ()
    published: tuple[PublishedResult, ...] = ()
    hub: HubDataset | None = None
    official: str | None = None
    content: str | None = None
    metrics: MetricsFunction | None = None
    root: Path | None = None


Dataset = Source | Benchmark
