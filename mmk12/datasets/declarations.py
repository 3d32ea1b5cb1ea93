"""What a content file declares: a training source or a benchmark, as a plain value that holds callables.

There is no class tree to subclass and no registry to edit: one file makes one of these values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mmk12.datasets.files import Files
from mmk12.types import BrokenLine, HubDataset, RawSample, Row


class SkipRow(ValueError):
    """What a `draft` raises for a sound row that its conversion rule leaves out; both arguments go to the ledger."""

    def __init__(self, reason: str, evidence: str = "") -> None:
        super().__init__(reason, evidence)
        self.reason, self.evidence = reason, evidence


@dataclass(frozen=True, slots=True)
class Source:
    """A training source: one file in `mmk12/datasets/sources`. `rows` reads upstream rows, `draft` converts one.

    `folders` are the places below `--raw-dir` where the data may lie, best first; `layout` says in words which
    files are expected there. A row that `draft` cannot convert becomes a counted drop; it never stops the build.
    `size` is the number of rows of a complete download, None where the publisher does not say. `template` marks
    questions made from templates: equal words on another picture are another question.
    """

    name: str
    about: str
    licence: str
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
    """A number someone printed for this benchmark, with what is needed to judge whether it is comparable."""

    model: str
    accuracy: float
    grader: str
    source: str


@dataclass(frozen=True, slots=True)
class Benchmark:
    """An evaluation set: one file in `benchmarks/`. Read like a `Source`; `groups` are the tags with sub-scores.

    `official` names a rule of `mmk12.evaluation.official`, where the publisher's arithmetic differs from ours.
    `content` is the `digest_of` the published items, where others may bear the name: those never meet published
    numbers. A file may define `variants` beside its `benchmark`: other splits or configurations, named
    `<file>:<variant>`.
    """

    name: str
    about: str
    licence: str
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


Dataset = Source | Benchmark


ORIGIN = "origin"
"""The tag by which a row of a published mixture says which source it is from."""
