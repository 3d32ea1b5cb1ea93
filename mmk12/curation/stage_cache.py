"""The stored output of a stage: kept samples and dropped rows in order, under a key.

This is what makes a build resumable. A file appears whole or not at all. Its first line holds the hash of all that
decided its contents, so a later run reuses exactly those stages whose output would be the same.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from mmk12.datasets.declarations import ORIGIN
from mmk12.errors import BadInput, MissingData
from mmk12.types import DroppedSample, Gold, Image, Sample
from mmk12.utils.images import ImageStore
from mmk12.utils.storage import replace_file

Outcome = Sample | DroppedSample

_NAMES: dict[type, tuple[str, ...]] = {
    kind: tuple(field.name for field in dataclasses.fields(kind)) for kind in (Sample, DroppedSample, Gold, Image)
}


_PLACE_BITS = 48
"""Bits of the offset in a file; the bits above are the number of the file."""


class StageOutput:
    """The rows of one finished stage, or of several one after the other. Iterating reads the kept samples."""

    def __init__(self, *paths: Path) -> None:
        self.paths = paths

    def __iter__(self) -> Iterator[Sample]:
        return (outcome for outcome in self._all() if isinstance(outcome, Sample))

    def __len__(self) -> int:
        return self.kept.total()

    def located(self) -> Iterator[tuple[int, Sample]]:
        """Yields the kept samples, each with the place from which `read_at` reads it again."""
        for number, path in enumerate(self.paths):
            with open(path, "rb") as file:
                place = len(file.readline())  # the key
                for line in file:
                    outcome = _parse(line.decode("ascii"), path)
                    if isinstance(outcome, Sample):
                        yield number << _PLACE_BITS | place, outcome
                    place += len(line)

    def read_at(self, places: Iterable[int]) -> Iterator[Sample]:
        """Yields the samples at places of `located`, which should be in order."""
        with ExitStack() as stack:
            files = [stack.enter_context(open(path, "rb")) for path in self.paths]
            for place in places:
                file = files[place >> _PLACE_BITS]
                file.seek(place & (1 << _PLACE_BITS) - 1)
                outcome = _parse(file.readline().decode("ascii"), self.paths[place >> _PLACE_BITS])
                assert isinstance(outcome, Sample), "the place of a drop"
                yield outcome

    def drops(self) -> Iterator[DroppedSample]:
        """The rows that this stage dropped."""
        return (outcome for outcome in self._all() if isinstance(outcome, DroppedSample))

    @property
    def kept(self) -> Counter[str]:
        """The number of kept samples by source."""
        return self._counts[Sample]

    @property
    def read(self) -> Counter[str]:
        """The number of all rows by source: kept, dropped, and not drawn."""
        return self._counts[Sample] + self._counts[DroppedSample] + self.not_drawn

    @cached_property
    def not_drawn(self) -> Counter[str]:
        """The number of rows by source that loading left out because they were not drawn; they have no line each."""
        counts: Counter[str] = Counter()
        for path in self.paths:
            with open(path, encoding="ascii") as file:
                counts.update(json.loads(file.readline()).get("not_drawn", {}))
        return counts

    @cached_property
    def origins(self) -> frozenset[str]:
        """The sources that the kept samples come from; for the rows of a published mixture, the sources inside it."""
        return frozenset(str(sample.tags.get(ORIGIN, sample.source)) for sample in self)

    def has_images(self, store: ImageStore) -> bool:
        """Whether `store` holds all images of the kept samples."""
        try:
            return all(store.path(image) for sample in self for image in sample.images)
        except MissingData:
            return False

    @cached_property
    def _counts(self) -> dict[type[Outcome], Counter[str]]:
        counts: dict[type[Outcome], Counter[str]] = {Sample: Counter(), DroppedSample: Counter()}
        for outcome in self._all():
            counts[type(outcome)][outcome.source] += 1
        return counts

    def _all(self) -> Iterator[Outcome]:
        for path in self.paths:
            with open(path, encoding="ascii") as file:
                next(file)  # the key
                for line in file:
                    yield _parse(line, path)


def save_outputs(path: Path, key: str, outcomes: Iterable[Outcome], not_drawn: Mapping[str, int] | None = None) -> None:
    """Writes a stage's outcomes under `key`, atomically and one at a time, and the number of rows not drawn."""
    with replace_file(path) as file:
        file.write(_line({"key": key} | ({"not_drawn": dict(not_drawn)} if not_drawn else {})))
        for outcome in outcomes:
            name = "dropped" if isinstance(outcome, DroppedSample) else "sample"
            file.write(_line({name: outcome}))


def is_current(path: Path, key: str) -> bool:
    """Whether `path` holds the outcomes of exactly this key."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        line = file.readline(1000)
    try:
        return bool(json.loads(line).get("key") == key)
    except (ValueError, AttributeError):
        return False


def _line(value: Any) -> bytes:
    """ASCII, so that text which is not valid Unicode survives until the stage that drops it."""
    return json.dumps(value, default=_fields).encode("ascii") + b"\n"


def _fields(value: Sample | DroppedSample | Gold | Image) -> dict[str, Any]:
    """What `dataclasses.asdict` would give, without its deep copies, which took most of the time of a stage."""
    return {name: getattr(value, name) for name in _NAMES[type(value)]}


def _parse(line: str, path: Path) -> Outcome:
    try:
        row = json.loads(line)
        if "dropped" in row:
            return DroppedSample(**row["dropped"])
        return Sample.from_json(row["sample"])
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is damaged ({error}). Delete it and run the same command again.") from None
