"""A training source that is declared in YAML by the names of its columns; no Python is needed, and none is executed.

    about: geometry problems with diagrams
    license: MIT
    url: https://huggingface.co/datasets/ORG/NAME
    hub: ORG/NAME
    columns: {question: problem, answer: answer, images: images}

The name of the file is the name of the source. Rows come from `hub`, a dataset that `datasets` reads as a table
(`split`, `config`, `revision`), or from `files`, patterns of .parquet, .jsonl and .json files in the source's folder
below the raw folder. With both, the files are fetched from the hub. Images that rows name by path are looked up beside
the file of the row, then in `archives`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from mmk12.datasets.declarations import ORIGIN, Source
from mmk12.datasets.files import Files
from mmk12.datasets.row_columns import (
    Columns,
    Names,
    make_gold,
    pick,
    read_answer,
    read_choices,
    read_images,
    read_question,
)
from mmk12.errors import BadInput, BadRecipe
from mmk12.types import BrokenLine, HubDataset, RawSample, Row
from mmk12.utils.config import FrozenModel, read_yaml_mapping, validate_settings

ROW_FILES = (".parquet", ".jsonl", ".json")
_ARCHIVES = (".zip", ".tar")

Find = Callable[[Sequence[str | bytes]], list[str | bytes]]
"""Returns the images of a row for `Files.image`: bytes as they are, and the name of the file for each path."""
Text = Annotated[str, Field(min_length=1, strict=True)]


class SourceColumns(Columns):
    """The columns of a source to train on: a row must have an answer."""

    answer: Annotated[Names, Field(min_length=1)]


class ColumnSource(FrozenModel):
    """The keys of a YAML source.

    `strip` lists texts that are removed from every question, such as an instruction; `size` is the number of rows that
    the publisher states; `template` says that questions are made from templates (`Source.template`).
    """

    about: Text
    license: Text
    url: Text
    hub: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    split: Text = "train"
    config: Text | None = None
    revision: Text = "main"
    files: Names = ()
    archives: Names = ()
    columns: SourceColumns
    strip: Names = ()
    size: Annotated[int, Field(strict=True, gt=0)] | None = None
    template: Annotated[bool, Field(strict=True)] = False

    @field_validator("files", "archives")
    @classmethod
    def _stay_inside(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            if PurePosixPath(pattern).is_absolute() or ".." in PurePosixPath(pattern).parts:
                raise ValueError(f"'{pattern}' points outside the source's folder")
        return patterns

    @model_validator(mode="after")
    def _has_rows(self) -> ColumnSource:
        if not self.hub and not self.files:
            raise ValueError("'hub' or 'files' is missing: where are the rows?")
        for key, patterns, endings in (("files", self.files, ROW_FILES), ("archives", self.archives, _ARCHIVES)):
            for pattern in patterns:
                if PurePosixPath(pattern).suffix not in endings:
                    raise ValueError(f"{key}: '{pattern}' is none of {', '.join(endings)}")
        if self.archives and not self.files:
            raise ValueError("'archives' belong to 'files', which is missing")
        return self


def is_column_source(path: Path) -> bool:
    """Whether a YAML file declares a source, and not a recipe. Raises `BadRecipe` if it is not valid YAML."""
    return "columns" in read_yaml_mapping(path)


def read_column_source(path: Path) -> Source:
    """Returns the source that a YAML file declares. Raises `BadRecipe`."""
    if not path.stem.replace("-", "_").replace(".", "_").isidentifier():
        raise BadRecipe(f"{path.name}: the file's name is the source's name, so it must be letters, digits and _.")
    declared = validate_settings(ColumnSource, read_yaml_mapping(path), path.name)
    files = declared.files or _guess_files(declared)
    hub = None
    if declared.hub:
        fetched = (*declared.files, *declared.archives)
        hub = HubDataset(declared.hub, declared.split, declared.config, declared.revision, fetched)
    return Source(
        name=path.stem,
        rows=RowFiles(files, declared.archives, None if declared.files else hub).read,
        draft=partial(_draft, declared.columns, declared.strip),
        about=declared.about,
        license=declared.license,
        url=declared.url,
        folders=(path.stem, *([declared.hub.rpartition("/")[2]] if declared.hub else [])),
        layout=" and ".join([*files, *declared.archives]),
        hub=hub,
        size=declared.size,
        template=declared.template,
    )


def _guess_files(declared: ColumnSource) -> tuple[str, ...]:
    """Returns the files of a table on the hub, by which its download is read."""
    return (f"{declared.config or 'data'}/{declared.split}-*.parquet",)


@dataclass(frozen=True)
class RowFiles:
    """Where rows are: `files` in a folder, with the `archives` of their images, or a table of the `hub`."""

    files: tuple[str, ...]
    archives: tuple[str, ...] = ()
    hub: HubDataset | None = None

    def read(self, files: Files) -> Iterator[Row | BrokenLine]:
        """Yields each row in a wrapper with its number and the function that finds its images."""
        rows = self._read_hub(files) if files.folder is None else self._read_files(files)
        for number, (row, find) in enumerate(rows):
            yield row if isinstance(row, BrokenLine) else {"row": row, "number": number, "find": find}

    def _read_hub(self, files: Files) -> Iterator[tuple[Row | BrokenLine, Find]]:
        assert self.hub is not None, "a source without a folder is a table of the hub"
        for row in files.hub(self.hub):
            yield row, _find_nothing

    def _read_files(self, files: Files) -> Iterator[tuple[Row | BrokenLine, Find]]:
        packed = _PackedImages(files, self.archives)
        for pattern in self.files:
            for name in files.names(pattern):
                find = partial(packed.find, name.rpartition("/")[0])
                try:
                    for row in _read_rows(files, name):
                        yield row, find
                except BadInput as error:
                    yield BrokenLine(name, str(error).replace(f"{files.folder}/", "")), find


def _read_rows(files: Files, name: str) -> Iterable[Row | BrokenLine]:
    """Yields the rows of one file. Raises `BadInput` if it is damaged."""
    if name.endswith(".parquet"):
        return files.parquet(name)
    return files.jsonl(name) if name.endswith(".jsonl") else files.items(name)


def _find_nothing(images: Sequence[str | bytes]) -> list[str | bytes]:
    for image in images:
        if isinstance(image, str):
            raise ValueError(f"the row names the file '{image[:80]}', which its table does not hold: declare `files`")
    return list(images)


@dataclass
class _PackedImages:
    """Finds the images that rows name by path: beside the rows, or in archives by the end of their names."""

    files: Files
    archives: tuple[str, ...]

    def find(self, folder: str, images: Sequence[str | bytes]) -> list[str | bytes]:
        """Returns the images of a row for `Files.image`; `folder` is that of the row's file."""
        return [image if isinstance(image, bytes) else self._find(folder, image) for image in images]

    def _find(self, folder: str, path: str) -> str:
        beside = f"{folder}/{path}" if folder else path
        for name in (beside, path):
            if self.files.path(name).is_file():
                return name
        ending = f"/{path.removeprefix('./')}"
        found = [name for name in self._by_name.get(ending.rpartition("/")[2], ()) if f"/{name}".endswith(ending)]
        if len(found) > 1:
            raise ValueError(f"'{path}' is {len(found)} files of the archives, first {found[0]} and {found[1]}")
        return found[0] if found else beside

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        """The members of all archives by their last part."""
        members: dict[str, list[str]] = {}
        for pattern in self.archives:
            for name in self.files.names(f"{pattern}/**"):
                members.setdefault(name.rpartition("/")[2], []).append(name)
        return members


def _draft(columns: Columns, strip: tuple[str, ...], entry: Row) -> RawSample:
    row = entry["row"]
    question = read_question(pick(row, columns.question), strip)
    images = read_images(pick(row, columns.images))
    options = read_choices(pick(row, columns.choices))
    question, gold = make_gold(question, read_answer(pick(row, columns.answer)), options)
    name, origin = pick(row, columns.id), pick(row, columns.origin)
    return RawSample(
        f"row-{entry['number']}" if name is None else str(name),
        question,
        gold,
        images=entry["find"](images),
        tags={} if origin is None else {ORIGIN: str(origin)},
    )
