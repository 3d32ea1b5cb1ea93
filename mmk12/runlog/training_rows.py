"""What the prompts of a run asked: rows of its training data, found by the ids that its dumps name."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from mmk12.verifier.spec import FIELDS


class TrainingRow(NamedTuple):
    """A question, the other fields of its `GradingSpec` but for the gold, and its encoded images."""

    question: str
    spec: dict[str, Any]
    images: tuple[bytes, ...]


def read_training_rows(run: Path, ids: Collection[str], data: Path | None = None) -> dict[str, TrainingRow]:
    """The rows with these sample ids, from train.parquet of the data folder `data`, by default that of the run.

    Empty where that file is gone or names no samples: a page then shows responses without pictures.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    path = data / "train.parquet" if data is not None else _train_file(run)
    if path is None or not path.is_file():
        return {}
    try:
        file = pq.ParquetFile(path)
        known = file.read(columns=["extra_info.id"])["extra_info"].combine_chunks().field("id")
        wanted = pc.indices_nonzero(pc.is_in(known, pa.array(sorted(ids), known.type))).to_pylist()
        return dict(_read(file, wanted))
    except (pa.ArrowException, KeyError, IndexError):
        return {}


def _train_file(run: Path) -> Path | None:
    configs = sorted((run / "attempts").glob("[0-9]*/config.yaml"))
    if configs:
        keys = yaml.safe_load(configs[-1].read_text("utf-8"))
        return Path(keys["data.train_files"]) if isinstance(keys, dict) and "data.train_files" in keys else None
    return None


def _read(file: Any, wanted: Collection[int]) -> list[tuple[str, TrainingRow]]:
    """The rows at these places, reading only the row groups that hold one."""
    found, start, remaining = [], 0, set(wanted)
    for group in range(file.num_row_groups):
        end = start + file.metadata.row_group(group).num_rows
        here = sorted(place - start for place in remaining if start <= place < end)
        if here:
            rows = file.read_row_group(group, columns=["images", "extra_info"]).take(here).to_pylist()
            found += [(row["extra_info"]["id"], _data_row(row)) for row in rows]
        start = end
    return found


def _data_row(row: dict[str, Any]) -> TrainingRow:
    info = row["extra_info"]
    spec = {name: info.get(name) for name in FIELDS if name != "gold"}
    return TrainingRow(info.get("question") or "", spec, tuple(image["bytes"] for image in row["images"] or ()))
