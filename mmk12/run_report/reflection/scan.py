"""All responses of a run, with a column for each kind of second thought. A million take a minute, not a night."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mmk12.errors import MissingData
from mmk12.run_report.reflection.patterns import ANYWHERE, KINDS, PATTERNS, REACH, VOID, find_reflections, is_genuine
from mmk12.runlog.rollouts import Marks, image_marks, join_responses, list_dumps, read_dump
from mmk12.utils.concurrency import map_in_threads

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa


_WINDOWS = 40
_BATCH = 32_000_000
"""Bytes of dumps that are searched at once."""


def scan_run(run: Path) -> pd.DataFrame:
    """A row per response of `rollouts/*.jsonl`: its short columns, `step`, `row` (its place in the file), `window` and
    a boolean column per kind.

    `window` is the middle step of one of at most 40 equal parts of the run: single steps have too few responses for
    rates of a few percent. Raises `MissingData` where no responses were dumped.
    """
    folder = run / "rollouts"
    if not list_dumps(folder):
        raise MissingData(
            f"{run} has no dumped responses (rollouts/<step>.jsonl), in which to look for second thoughts."
        )
    table = _scan(folder.absolute(), image_marks(folder))
    if "prompt" not in table:
        raise MissingData(f"The dumped responses in {folder} do not tell which prompt they answer (uid or input).")
    return table


@lru_cache(maxsize=4)
def _scan(folder: Path, key: Marks) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    batches = map_in_threads(_flagged, _batches(list_dumps(folder)))
    table = join_responses(part for batch in batches for part in batch)
    known = np.sort(table["step"].unique())
    parts = np.array_split(known, min(_WINDOWS, len(known)))
    middle = pd.Series(np.repeat([(part[0] + part[-1]) / 2 for part in parts], [len(part) for part in parts]), known)
    return table.assign(window=table["step"].map(middle))


def _batches(files: Iterable[tuple[int, Path]]) -> Iterator[list[tuple[int, Path]]]:
    """Files by the megabyte: pyarrow compiles a pattern, and RE2 learns it, anew in every call."""
    batch, size = [], 0
    for step, path in files:
        batch.append((step, path))
        size += path.stat().st_size
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _flagged(files: Sequence[tuple[int, Path]]) -> list[tuple[int, pa.Table]]:
    import numpy as np
    import pyarrow as pa

    tables = [read_dump(path, ("input", "output"))[0] for _, path in files]
    flags = _flags(_texts(tables, "output"), _texts(tables, "input"))
    found, start = [], 0
    for (step, _), table in zip(files, tables, strict=True):
        end = start + len(table)
        columns = {"row": np.arange(len(table), dtype="int32")} | {kind: flags[kind][start:end] for kind in KINDS}
        table = table.select([name for name in table.column_names if name not in ("input", "output")])
        for name, column in columns.items():
            table = table.append_column(name, pa.array(column))
        found.append((step, table))
        start = end
    return found


def _texts(tables: Sequence[pa.Table], name: str) -> pa.Array:
    """A column of all tables, empty where it is missing."""
    import pyarrow as pa

    parts = [
        table[name].combine_chunks() if name in table.column_names else pa.nulls(len(table), pa.string())
        for table in tables
    ]
    return pa.concat_arrays(parts).fill_null("")


def _flags(output: pa.Array, asked: pa.Array) -> dict[str, np.ndarray]:
    """RE2 sorts all responses in linear time. Its answer stands, but where a sentence or the prompt can void a phrase:
    there it tells the place of the first one as well, and the words around that are looked at.
    """
    import numpy as np
    import pyarrow.compute as pc

    said, places = _whole(output)
    thoughts = _thoughts(said, places)
    named = asked.dictionary_encode()
    numbers, prompts = named.indices.to_numpy(), named.dictionary.to_pylist()
    flags = {}
    for kind, pattern in PATTERNS.items():
        found = pc.match_substring_regex(thoughts, pattern, ignore_case=True).to_numpy(zero_copy_only=False).copy()
        if kind in VOID:
            rows = np.flatnonzero(found)
        else:
            echoes = pc.match_substring_regex(named.dictionary, ANYWHERE[kind], ignore_case=True)
            rows = np.flatnonzero(found & echoes.to_numpy(zero_copy_only=False)[numbers])
        spans = pc.extract_regex_span(thoughts.take(rows), f"(?i)(?P<phrase>{pattern})")
        first = spans.field("phrase").flatten().to_numpy().reshape(-1, 2)
        starts, ends = places[rows] + first[:, 0], places[rows] + first.sum(axis=1)
        columns = (starts, ends, places[rows], places[rows + 1], numbers[rows])
        found[rows] = [
            _has(kind, said, start, end, begun, over, prompts[number])
            for start, end, begun, over, number in zip(*(column.tolist() for column in columns), strict=True)
        ]
        flags[kind] = found
    return flags


def _whole(texts: pa.Array) -> tuple[bytes, np.ndarray]:
    """All texts in one piece, and where each begins, with the end of the last."""
    import numpy as np

    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, "int32")[texts.offset :][: len(texts) + 1] if offsets else np.zeros(1, "int32")
    return data.to_pybytes() if data else b"", places


def _thoughts(said: bytes, places: np.ndarray) -> pa.Array:
    """The responses up to their last `<answer>`, behind which nothing is thought; one that begins with it, whole."""
    import numpy as np
    import pyarrow as pa

    bounds = places.tolist()
    parts = []
    for first, last in pairwise(bounds):
        answered = said.rfind(b"<answer>", first, last)
        parts.append(said[first : answered if answered > first else last])
    ends = np.cumsum([0, *map(len, parts)], dtype="int32")
    return pa.StringArray.from_buffers(len(parts), pa.py_buffer(ends), pa.py_buffer(b"".join(parts)))


def _has(kind: str, said: bytes, start: int, end: int, first: int, last: int, asked: str) -> bool:
    """Whether a response, `said[first:last]`, has a second thought of a kind; `said[start:end]` is its first phrase."""
    around = (said[max(first, start - REACH) : start], said[start:end], said[end : min(last, end + REACH)])
    before, phrase, after = (part.decode("utf-8", "ignore") for part in around)
    if is_genuine(kind, before, phrase, after, asked.lower()):
        return True
    return bool(find_reflections(said[first:last].decode("utf-8", "replace"), asked, (kind,)))


# The second thoughts worth reading: of right responses the richest, those to hard prompts before others.


_PER_KIND = 4


class ChosenSpans(NamedTuple):
    """Where a response lies, whether it is right, and how often its prompt was answered right."""

    step: int
    row: int
    right: bool
    rate: float


def choose_spans(table: pd.DataFrame) -> list[ChosenSpans]:
    """At most four responses for each kind, each of another prompt.

    Right before wrong, then more kinds before fewer, then prompts seldom answered right, then later steps.
    """
    with_any = table[table[list(KINDS)].any(axis=1)]
    prompts = table.groupby("prompt")["acc"].mean() if "acc" in table else None
    ranked = with_any.assign(
        kinds=with_any[list(KINDS)].sum(axis=1),
        right=with_any["acc"] == 1 if prompts is not None else False,
        rate=with_any["prompt"].map(prompts) if prompts is not None else 0.0,
    ).sort_values(["right", "kinds", "rate", "step", "row"], ascending=[False, False, True, False, True])
    name = "id" if "id" in ranked else "prompt"
    found: list[ChosenSpans] = []
    seen: list[Any] = []
    for kind in KINDS:
        best = ranked[ranked[kind] & ~ranked[name].isin(seen)].drop_duplicates(name).head(_PER_KIND)
        seen += best[name].tolist()
        found += [
            ChosenSpans(*place) for place in zip(*(best[field].tolist() for field in ChosenSpans._fields), strict=True)
        ]
    return found
