"""Reads the dumped responses of a run: numeric columns of all of them, texts of a few.

verl writes `rollouts/<step>.jsonl`, a row per response; our plugin adds the verdict (acc, format, status, length,
truncated) and the id of the sample. A million responses are gigabytes of text of which figures need a few numbers, so
pyarrow reads those columns alone. A file with broken lines is read line by line instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from mmk12.runlog.notes import LogNote
from mmk12.types import BrokenLine
from mmk12.utils import storage
from mmk12.utils.concurrency import map_in_threads

Location = tuple[int, int]
"""The step of a dump, and the index of a row in its file."""
FileStamps = tuple[tuple[str, int, int], ...]
"""(name, bytes, modification time in ns) of each dump."""

NUMBERS = ("score", "acc", "format", "length", "truncated")
"""Numeric columns of a response; `length` is in tokens."""
TEXTS = ("input", "output", "gts")
"""Columns with the prompt, the response and the gold of a response."""
_CATEGORIES = ("id", "status")
_UID_SUFFIX = r"_\d+_\d+$"
"""verl 0.9 identifies a response by `<prompt>_<rollout>_<output>` in the column `uid`; older dumps by the prompt."""
_BLOCK = 64_000_000
"""Bytes that pyarrow parses at once: more than the longest row."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """A row of a dump. Texts that it lacks are empty, other values None.

    `input` is the prompt as the model saw it, `gold` the verl column `gts`, `length` the response's tokens.
    """

    input: str = ""
    output: str = ""
    gold: str = ""
    id: str = ""
    status: str | None = None
    prompt: str | None = None
    score: float | None = None
    acc: float | None = None
    format: float | None = None
    length: float | None = None
    truncated: float | None = None

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Rollout:
        """Makes a rollout from a row of the table that `read_dump` returns, with the columns `TEXTS`."""
        return cls(
            row.get("input") or "",
            row.get("output") or "",
            row.get("gts") or "",
            row.get("id") or "",
            row.get("status"),
            row.get("prompt"),
            *(row.get(name) for name in NUMBERS),
        )


class Responses(NamedTuple):
    """The short columns of all dumped responses, and irregularities of the files.

    `table` has a row per response: `step`; `prompt`, a number for each prompt of each step; `id` and `status` as
    categories; and `NUMBERS`. A column that no dump has is missing.
    """

    table: pd.DataFrame
    notes: tuple[LogNote, ...]


def list_dumps(folder: Path) -> list[tuple[int, Path]]:
    """Returns (step, file) of every dump in `folder`, by step."""
    return sorted(
        (int(path.stem), path)
        for path in folder.glob("*.jsonl")
        if path.stem.isdecimal() and path.stem.isascii() and len(path.stem) < 10
    )


def read_responses(folder: Path) -> Responses:
    """Reads all responses dumped in `folder`. The result is cached until a file changes: a page draws many figures."""
    return _read_responses(folder.absolute(), file_stamps(folder))


def file_stamps(folder: Path) -> FileStamps:
    """Returns what changes when a dump is added or rewritten; it serves as the key of caches."""
    stats = ((path.name, path.stat()) for _, path in list_dumps(folder))
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


@lru_cache(maxsize=4)
def _read_responses(folder: Path, stamps: FileStamps) -> Responses:
    files = list_dumps(folder)
    notes: list[LogNote] = []

    def read_tables() -> Iterator[tuple[int, pa.Table]]:
        results = map_in_threads(lambda file: read_dump(file[1]), files)
        for (step, _), (table, file_notes) in zip(files, results, strict=True):
            notes.extend(file_notes)
            yield step, table

    return Responses(join_responses(read_tables()), tuple(notes))


def read_dump(path: Path, texts: Sequence[str] = ()) -> tuple[pa.Table, list[LogNote]]:
    """Reads the responses of one step in the file's order, with the additional text columns `texts`.

    `prompt` is a dictionary of names here; columns that no row has are missing.
    """
    table, notes = _read_columns(path, ("uid", *_CATEGORIES, *NUMBERS, *texts))
    if table["uid"].null_count == len(table) > 0:  # verl's older trainer names no prompt: equal texts are one prompt
        table = table.set_column(0, "uid", _read_columns(path, ("input",))[0]["input"])
    prompts = pc.replace_substring_regex(table["uid"].combine_chunks(), _UID_SUFFIX, "")
    table = table.set_column(0, "prompt", prompts.dictionary_encode())
    return table.drop_columns([name for name in table.column_names if table[name].null_count == len(table)]), notes


def _read_columns(path: Path, columns: Sequence[str]) -> tuple[pa.Table, list[LogNote]]:
    schema = pa.schema([(name, pa.float64() if name in NUMBERS else pa.string()) for name in columns])
    try:
        table = pyarrow.json.read_json(
            path,
            read_options=pyarrow.json.ReadOptions(block_size=_BLOCK),
            parse_options=pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
        return table.select(list(columns)), []
    except pa.ArrowException:
        return _read_lines(path, schema)


def _read_lines(path: Path, schema: pa.Schema) -> tuple[pa.Table, list[LogNote]]:
    rows, broken = [], 0
    for row in storage.read_jsonl(path):
        if isinstance(row, BrokenLine):
            broken += 1
        else:
            rows.append({name: _convert(row.get(name), name in NUMBERS) for name in schema.names})
    notes = [LogNote(path.name, "not a response", broken)] if broken else []
    return pa.Table.from_pylist(rows, schema=schema), notes


def _convert(value: Any, number: bool) -> str | float | None:
    """Returns a value as its column stores it; values of other types become null."""
    if number:
        return float(value) if isinstance(value, int | float) else None
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def read_rollouts(folder: Path, locations: Collection[Location]) -> dict[Location, Rollout]:
    """Reads the responses at these locations, with their texts."""
    indices: dict[int, list[int]] = {}
    for step, index in locations:
        indices.setdefault(step, []).append(index)
    files = dict(list_dumps(folder))

    def read(step: int) -> list[tuple[Location, Rollout]]:
        rows = read_dump(files[step], TEXTS)[0].take(indices[step]).to_pylist()
        return [((step, index), Rollout.from_row(row)) for index, row in zip(indices[step], rows, strict=True)]

    return {location: row for rows in map_in_threads(read, sorted(indices)) for location, row in rows}


def join_responses(parts: Iterable[tuple[int, pa.Table]]) -> pd.DataFrame:
    """Joins the (step, table) of all dumps: adds `step`, and numbers the prompts of the whole run in `prompt`."""
    tables, prompts = [], 0
    for step, table in parts:
        if "prompt" in table.column_names:
            names = table["prompt"].combine_chunks()
            numbers = pc.add(names.indices, pa.scalar(prompts, pa.int32()))
            prompts += len(names.dictionary)
            table = table.set_column(table.column_names.index("prompt"), "prompt", numbers)
        tables.append(table.append_column("step", pa.array(np.full(len(table), step, dtype="int32"))))
    if not tables:
        return pd.DataFrame({"step": pd.Series(dtype="int32")})
    joined = pa.concat_tables(tables, promote_options="default")
    for name in {*_CATEGORIES} & {*joined.column_names}:
        column = joined[name].combine_chunks().dictionary_encode()
        joined = joined.set_column(joined.column_names.index(name), name, column)
    frame: pd.DataFrame = joined.to_pandas()
    return frame


def summarize_steps(table: pd.DataFrame) -> pd.DataFrame:
    """Computes metrics by step from the table of `Responses`.

    These are means, the share of each status, and the shares of prompts whose responses are all right or all wrong.
    """
    names = {"score": "reward", "acc": "accuracy", "format": "format", "length": "length", "truncated": "truncated"}
    known = [name for name in names if name in table]
    parts: list[Any] = [table.groupby("step")[known].mean().rename(columns=names)]
    if "status" in table:
        shares = pd.crosstab(table["step"], table["status"], normalize="index")
        parts.append(shares.rename(columns=lambda status: f"reward/status/{status}"))
    if {"prompt", "acc"} <= set(table.columns):
        rates = table.groupby(["step", "prompt"])["acc"].mean()
        for name, rate in (("all_right", 1.0), ("all_wrong", 0.0)):
            parts.append((rates == rate).groupby(level=0).mean().rename(name))
    summary: pd.DataFrame = pd.concat(parts, axis=1)
    return summary
