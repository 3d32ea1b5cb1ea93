"""Finds the reflections in all responses of a run, and chooses those worth reading. A million take about a minute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mmk12.errors import MissingData
from mmk12.run_report.reflection.patterns import (
    ANYWHERE,
    CONTEXT,
    EXCLUSIONS,
    KINDS,
    PATTERNS,
    find_reflections,
    is_reflection,
)
from mmk12.runlog.rollouts import FileStamps, file_stamps, join_responses, list_dumps, read_dump
from mmk12.utils.concurrency import map_in_threads

_WINDOWS = 40
_BATCH = 32_000_000
"""Bytes of dumps that are searched at once."""


def scan_run(run: Path) -> pd.DataFrame:
    """Returns a row per response of `rollouts/*.jsonl`, with a boolean column per kind of reflection.

    Other columns are the short ones of the dumps, `step`, `row` (index in the file) and `window`: the middle step of
    one of at most 40 equal parts of the run, because single steps have too few responses for rates of a few percent.
    Raises `MissingData` if no responses were dumped, or not which prompts they answer.
    """
    folder = run / "rollouts"
    if not list_dumps(folder):
        raise MissingData(f"{run} has no dumped responses (rollouts/<step>.jsonl) to search for reflection.")
    table = _scan(folder.absolute(), file_stamps(folder))
    if "prompt" not in table:
        raise MissingData(f"The dumped responses in {folder} do not say which prompt they answer (uid or input).")
    return table


@lru_cache(maxsize=4)
def _scan(folder: Path, stamps: FileStamps) -> pd.DataFrame:
    batches = map_in_threads(_scan_batch, _batch_files(list_dumps(folder)))
    table = join_responses(part for batch in batches for part in batch)
    steps = np.sort(table["step"].unique())
    parts = np.array_split(steps, min(_WINDOWS, len(steps)))
    middle = pd.Series(np.repeat([(part[0] + part[-1]) / 2 for part in parts], [len(part) for part in parts]), steps)
    return table.assign(window=table["step"].map(middle))


def _batch_files(files: Iterable[tuple[int, Path]]) -> Iterator[list[tuple[int, Path]]]:
    """Groups files by size: pyarrow compiles each pattern again in every call."""
    batch, size = [], 0
    for step, path in files:
        batch.append((step, path))
        size += path.stat().st_size
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _scan_batch(files: Sequence[tuple[int, Path]]) -> list[tuple[int, pa.Table]]:
    """Returns (step, table) of each file: its short columns, `row`, and a boolean column per kind."""
    dumps = [read_dump(path, ("input", "output"))[0] for _, path in files]
    flags = _flag_kinds(_join_texts(dumps, "output"), _join_texts(dumps, "input"))
    tables, start = [], 0
    for (step, _), dump in zip(files, dumps, strict=True):
        end = start + len(dump)
        columns = {"row": np.arange(len(dump), dtype="int32")} | {kind: flags[kind][start:end] for kind in KINDS}
        table = dump.select([name for name in dump.column_names if name not in ("input", "output")])
        for name, column in columns.items():
            table = table.append_column(name, pa.array(column))
        tables.append((step, table))
        start = end
    return tables


def _join_texts(tables: Sequence[pa.Table], name: str) -> pa.Array:
    """Joins a text column of all tables; missing texts are empty."""
    parts = [
        table[name].combine_chunks() if name in table.column_names else pa.nulls(len(table), pa.string())
        for table in tables
    ]
    return pa.concat_arrays(parts).fill_null("")


def _flag_kinds(responses: pa.Array, prompts: pa.Array) -> dict[str, np.ndarray]:
    """For each kind, which responses have a reflection of it: the same answer as `find_reflections`, but fast.

    RE2 searches all responses in linear time. Its result is final unless the sentence or the prompt can rule a phrase
    out; for these responses RE2 also gives the position of the first phrase, and its context is checked.
    """
    data, offsets = _concatenate(responses)
    thoughts = _cut_answers(data, offsets)
    encoded = prompts.dictionary_encode()
    prompt_numbers, prompt_texts = encoded.indices.to_numpy(), encoded.dictionary.to_pylist()
    flags = {}
    for kind, pattern in PATTERNS.items():
        flag = pc.match_substring_regex(thoughts, pattern, ignore_case=True).to_numpy(zero_copy_only=False).copy()
        if kind in EXCLUSIONS:
            rows = np.flatnonzero(flag)
        else:
            echoes = pc.match_substring_regex(encoded.dictionary, ANYWHERE[kind], ignore_case=True)
            rows = np.flatnonzero(flag & echoes.to_numpy(zero_copy_only=False)[prompt_numbers])
        spans = pc.extract_regex_span(thoughts.take(rows), f"(?i)(?P<phrase>{pattern})")
        phrases = spans.field("phrase").flatten().to_numpy().reshape(-1, 2)  # (offset, length) in bytes
        starts, ends = offsets[rows] + phrases[:, 0], offsets[rows] + phrases.sum(axis=1)
        columns = (starts, ends, offsets[rows], offsets[rows + 1], prompt_numbers[rows])
        flag[rows] = [
            _check_response(kind, data, start, end, first, last, prompt_texts[number])
            for start, end, first, last, number in zip(*(column.tolist() for column in columns), strict=True)
        ]
        flags[kind] = flag
    return flags


def _concatenate(texts: pa.Array) -> tuple[bytes, np.ndarray]:
    """Returns all texts in one piece of UTF-8, and the byte offset of each, with the end of the last."""
    _, offsets, data = texts.buffers()
    positions = np.frombuffer(offsets, "int32")[texts.offset :][: len(texts) + 1] if offsets else np.zeros(1, "int32")
    return data.to_pybytes() if data else b"", positions


def _cut_answers(data: bytes, offsets: np.ndarray) -> pa.Array:
    """Returns each response up to its last `<answer>`; one that begins with it stays whole."""
    parts = []
    for first, last in pairwise(offsets.tolist()):
        answer = data.rfind(b"<answer>", first, last)
        parts.append(data[first : answer if answer > first else last])
    ends = np.cumsum([0, *map(len, parts)], dtype="int32")
    return pa.StringArray.from_buffers(len(parts), pa.py_buffer(ends), pa.py_buffer(b"".join(parts)))


def _check_response(kind: str, data: bytes, start: int, end: int, first: int, last: int, prompt: str) -> bool:
    """Checks a response `data[first:last]` for a kind; `data[start:end]` is its first phrase."""
    parts = (data[max(first, start - CONTEXT) : start], data[start:end], data[end : min(last, end + CONTEXT)])
    before, phrase, after = (part.decode("utf-8", "ignore") for part in parts)
    if is_reflection(kind, before, phrase, after, prompt.lower()):
        return True
    return bool(find_reflections(data[first:last].decode("utf-8", "replace"), prompt, (kind,)))


# The choice of examples.


_PER_KIND = 4
_SEED = 0


class ChosenResponse(NamedTuple):
    """The location of a response, whether it is right, and the share of right responses to its prompt."""

    step: int
    row: int
    right: bool
    rate: float


def choose_examples(table: pd.DataFrame) -> list[ChosenResponse]:
    """Draws at most four responses for each kind at random, each of another prompt: two right and two wrong ones.

    Where one of the two is rare, the other fills up. The draw has a fixed seed: the same run gives the same examples.
    `table` is what `scan_run` returns.
    """
    reflecting = table[table[list(KINDS)].any(axis=1)]
    rates = table.groupby("prompt")["acc"].mean() if "acc" in table else None
    drawn = reflecting.assign(
        right=reflecting["acc"] == 1 if rates is not None else False,
        rate=reflecting["prompt"].map(rates) if rates is not None else 0.0,
    ).sample(frac=1, random_state=_SEED)
    name = "id" if "id" in drawn else "prompt"
    examples: list[ChosenResponse] = []
    seen: list[Any] = []
    for kind in KINDS:
        found = drawn[drawn[kind] & ~drawn[name].isin(seen)].drop_duplicates(name)
        turn = found.groupby("right").cumcount()  # the first of both, then the second of both, and so on
        some = found.loc[turn.sort_values(kind="stable").index].head(_PER_KIND)
        seen += some[name].tolist()
        columns = (some[field].tolist() for field in ChosenResponse._fields)
        examples += [ChosenResponse(*row) for row in zip(*columns, strict=True)]
    return examples
