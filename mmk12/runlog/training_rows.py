"""Reads the rows of a run's training data that its dumps name by id: questions, grading fields and images."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mmk12.utils.shards import find_files
from mmk12.verifier.spec import FIELDS


class TrainingRow(NamedTuple):
    """A question, the other fields of its `GradingSpec` but for the gold, and its encoded images."""

    question: str
    spec: dict[str, Any]
    images: tuple[bytes, ...]


def read_training_rows(run: Path, ids: Collection[str], data: Path | None = None) -> dict[str, TrainingRow]:
    """Returns the rows with these sample ids, from the files of the folder `data`, by default those of the run.

    Rows of a file that is missing or names no samples are left out: a page then shows responses without images.
    """
    rows: dict[str, TrainingRow] = {}
    for path in find_files(data, "train") if data is not None else _find_train_files(run):
        rows |= _read_file(path, ids)
    return rows


def _read_file(path: Path, ids: Collection[str]) -> dict[str, TrainingRow]:
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    if not path.is_file():
        return {}
    try:
        file = pq.ParquetFile(path)
        column = file.read(columns=["extra_info.id"])["extra_info"].combine_chunks().field("id")
        indices = pc.indices_nonzero(pc.is_in(column, pa.array(sorted(ids), column.type))).to_pylist()
        return dict(_read_rows(file, indices))
    except (pa.ArrowException, KeyError, IndexError):
        return {}


def _find_train_files(run: Path) -> list[Path]:
    configs = sorted((run / "attempts").glob("[0-9]*/config.yaml"))
    if not configs:
        return []
    keys = yaml.safe_load(configs[-1].read_text("utf-8"))
    files = keys.get("data.train_files", ()) if isinstance(keys, dict) else ()
    return [Path(file) for file in ([files] if isinstance(files, str) else files)]


def _read_rows(file: Any, indices: Collection[int]) -> list[tuple[str, TrainingRow]]:
    """Returns the rows at these indices, reading only the row groups that hold one."""
    rows, start, remaining = [], 0, set(indices)
    for group in range(file.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        inside = sorted(index - start for index in remaining if start <= index < end)
        if inside:
            table = file.read_row_group(group, columns=["images", "extra_info"]).take(inside)
            rows += [(row["extra_info"]["id"], _make_training_row(row)) for row in table.to_pylist()]
        start = end
    return rows


def _make_training_row(row: dict[str, Any]) -> TrainingRow:
    info = row["extra_info"]
    spec = {name: info.get(name) for name in FIELDS if name != "gold"}
    return TrainingRow(info.get("question") or "", spec, tuple(image["bytes"] for image in row["images"] or ()))
