"""The dumped responses of a run: short columns of all of them, texts of a few.

verl writes `rollouts/<step>.jsonl`, a row per response; our plugin adds what the verifier said (acc, format, status,
length, truncated) and the id of the sample. A million responses are gigabytes of text of which figures want some
numbers, so pyarrow reads those columns alone; where a file is torn, its whole lines are read one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mmk12.types import BrokenLine
from mmk12.utils import storage
from mmk12.utils.concurrency import map_in_threads

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Marks = tuple[tuple[str, int, int], ...]
Place = tuple[int, int]
"""The step of a dump, and a row of its file."""
NUMBERS = ("score", "acc", "format", "length", "truncated")
"""What was measured of a response."""
_TEXTS = ("id", "status")
_ROLLOUT = r"_\d+_\d+$"
"""verl 0.9 names a response `<prompt>_<rollout>_<output>` in the column `uid`; older dumps hold the prompt there."""
_BLOCK = 64_000_000
"""Bytes that pyarrow parses at once: more than the longest row."""


def list_dumps(folder: Path) -> list[tuple[int, Path]]:
    """(step, file) of every dump in `folder`, by step."""
    return sorted(
        (int(path.stem), path)
        for path in folder.glob("*.jsonl")
        if path.stem.isdecimal() and path.stem.isascii() and len(path.stem) < 10
    )


class Responses(NamedTuple):
    """The short columns of all dumped responses, and what was odd about the files.

    `table` has a row per response: `step`; `prompt`, a number for each prompt of each step; `id` and `status` as
    categories; and `NUMBERS`. A column that no dump has is missing.
    """

    table: pd.DataFrame
    notes: tuple[str, ...]


def read_responses(folder: Path) -> Responses:
    """All responses that lie in `folder`. The same files are read once: a page draws several figures of them."""
    return _responses(folder.absolute(), image_marks(folder))


def image_marks(folder: Path) -> Marks:
    """What changes when a dump is added or written again: the key under which what was read of them is kept."""
    stats = ((path.name, path.stat()) for _, path in list_dumps(folder))
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)


def read_dump(path: Path, texts: Sequence[str] = ()) -> tuple[pa.Table, list[str]]:
    """The responses of one step in the file's order, with further columns of `texts`, and notes.

    `prompt` is a dictionary of names here; columns that no row has are missing.
    """
    import pyarrow.compute as pc

    found, notes = _table(path, ("uid", *_TEXTS, *NUMBERS, *texts))
    if found["uid"].null_count == len(found) > 0:  # verl's older trainer names no prompt: equal words are one
        found = found.set_column(0, "uid", _table(path, ("input",))[0]["input"])
    named = pc.replace_substring_regex(found["uid"].combine_chunks(), _ROLLOUT, "")
    found = found.set_column(0, "prompt", named.dictionary_encode())
    return found.drop_columns([name for name in found.column_names if found[name].null_count == len(found)]), notes


def read_rows_at(folder: Path, places: Collection[Place]) -> dict[Place, dict[str, Any]]:
    """The responses at these places with their texts: columns `id`, `input`, `output`, `gts`, those that there are."""
    wanted: dict[int, list[int]] = {}
    for step, row in places:
        wanted.setdefault(step, []).append(row)
    files = dict(list_dumps(folder))

    def read(step: int) -> list[tuple[Place, dict[str, Any]]]:
        table, _ = read_dump(files[step], ("input", "output", "gts"))
        known = [name for name in ("id", "input", "output", "gts") if name in table.column_names]
        rows = table.select(known).take(wanted[step]).to_pylist()
        return [((step, row), found) for row, found in zip(wanted[step], rows, strict=True)]

    return {place: row for part in map_in_threads(read, sorted(wanted)) for place, row in part}


def join_responses(parts: Iterable[tuple[int, pa.Table]]) -> pd.DataFrame:
    """One table of the responses of all steps: `step` is added, and `prompt` numbers the prompts of the whole run."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

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
    whole = pa.concat_tables(tables, promote_options="default")
    for name in {*_TEXTS} & {*whole.column_names}:
        whole = whole.set_column(whole.column_names.index(name), name, whole[name].combine_chunks().dictionary_encode())
    found: pd.DataFrame = whole.to_pandas()
    return found


def summarize_steps(table: pd.DataFrame) -> pd.DataFrame:
    """Metrics by step: means, shares of each status, and of prompts whose responses are all right or all wrong."""
    import pandas as pd

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
    found: pd.DataFrame = pd.concat(parts, axis=1)
    return found


@lru_cache(maxsize=4)
def _responses(folder: Path, key: Marks) -> Responses:
    files = list_dumps(folder)
    notes: list[str] = []

    def parts() -> Iterator[tuple[int, pa.Table]]:
        read = map_in_threads(lambda file: read_dump(file[1]), files)
        for (step, _), (table, said) in zip(files, read, strict=True):
            notes.extend(said)
            yield step, table

    return Responses(join_responses(parts()), tuple(notes))


def _table(path: Path, columns: Sequence[str]) -> tuple[pa.Table, list[str]]:
    import pyarrow as pa
    import pyarrow.json

    schema = pa.schema([(name, pa.float64() if name in NUMBERS else pa.string()) for name in columns])
    try:
        read = pyarrow.json.read_json(
            path,
            read_options=pyarrow.json.ReadOptions(block_size=_BLOCK),
            parse_options=pyarrow.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
        return read.select(list(columns)), []
    except pa.ArrowException:
        return _by_line(path, schema)


def _by_line(path: Path, schema: pa.Schema) -> tuple[pa.Table, list[str]]:
    import pyarrow as pa

    found, broken = [], 0
    for row in storage.read_jsonl(path):
        if isinstance(row, BrokenLine):
            broken += 1
        else:
            found.append({name: _plain(row.get(name), name in NUMBERS) for name in schema.names})
    notes = [f"{path.name}: {broken} lines are no response"] if broken else []
    return pa.Table.from_pylist(found, schema=schema), notes


def _plain(value: Any, number: bool) -> str | float | None:
    """A value as its column holds it; one of another kind is as good as none."""
    if number:
        return float(value) if isinstance(value, int | float) else None
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None
