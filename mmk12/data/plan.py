"""What a build would read, before any work: sources, where they lie, what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmk12.content import find, load_source
from mmk12.data import fingerprint
from mmk12.declarations import Source
from mmk12.errors import BadRecipe, MissingData
from mmk12.files import Files
from mmk12.locate import locate
from mmk12.recipe import Recipe


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """One source of a recipe: `where` it would be read from, or why it is `missing`. `cap` None means all rows."""

    name: str
    source: Source
    file: Path
    cap: int | None
    where: str = ""
    missing: str = ""
    folder: Path | None = None

    def read_from(self, raw_dir: Path | None) -> str:
        """`where`, without what differs from machine to machine."""
        return str(self.folder.relative_to(raw_dir)) if self.folder is not None and raw_dir is not None else self.where

    def key(self) -> list[Any]:
        """What its rows depend on: the raw files as they lie, or the hub dataset, and a user's own source file."""
        read = fingerprint.folder(self.folder) if self.folder is not None else self.where
        return [self.name, read, self.file.read_text("utf-8")]


@dataclass(frozen=True, slots=True)
class Plan:
    """A recipe, its sources in order of priority, and the stages that would run."""

    recipe: Recipe
    sources: tuple[PlannedSource, ...]
    stages: tuple[str, ...]
    raw_dir: Path | None
    limit: int | None

    @property
    def found(self) -> tuple[PlannedSource, ...]:
        """The sources that can be read."""
        return tuple(planned for planned in self.sources if not planned.missing)

    @property
    def missing(self) -> Mapping[str, str]:
        """Why the others cannot, by name."""
        return {planned.name: planned.missing for planned in self.sources if planned.missing}

    def require(self, allow_missing: bool) -> None:
        """Raises `MissingData` with everything that is missing, unless that is allowed and something is left."""
        if self.missing and not (allow_missing and self.found):
            hint = "" if allow_missing else " Or go on without them: --allow-missing."
            raise MissingData(" ".join(self.missing.values()) + hint)


def make_plan(recipe: Recipe, stages: tuple[str, ...], raw_dir: Path | None, limit: int | None) -> Plan:
    """The plan of a recipe. A source that is not there is part of it, not an error."""
    planned: dict[str, PlannedSource] = {}
    for ref, most in recipe.data.sources.items():
        one = _planned(ref, None if most == "all" else most, raw_dir)
        if one.name in planned:
            raise BadRecipe(f"{recipe.name}: two sources are called '{one.name}', so their ids would collide.")
        planned[one.name] = one
    return Plan(recipe, tuple(planned.values()), stages, raw_dir, limit)


def _planned(ref: str, most: int | None, raw_dir: Path | None) -> PlannedSource:
    source, file = load_source(ref), find("source", ref)
    try:
        files = locate(source, raw_dir)
        _require_rows(source, files)
    except MissingData as error:
        return PlannedSource(source.name, source, file, most, missing=str(error))
    return PlannedSource(source.name, source, file, most, where=_where(source, files), folder=files.folder)


def _require_rows(source: Source, files: Files) -> None:
    """A folder that exists and holds nothing of the layout is as good as missing; better said now than after hours."""
    if files.folder is not None and next(iter(source.rows(files)), None) is None:
        raise MissingData(f"{files.folder} holds no {source.layout} of {source.name}; fetch it from {source.url}.")


def _where(source: Source, files: Files) -> str:
    if files.folder is not None:
        return str(files.folder)
    hub = source.hub
    return f"hub:{hub.id}@{hub.revision}" if source.folders and hub is not None else "generated"
