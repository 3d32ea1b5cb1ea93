"""What all targets share: our parquet rows as they are read, and writers of parquet and JSONL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mmk12.errors import BadInput
from mmk12.rewards.scoring import PROFILE_COLUMN
from mmk12.rewards.verl import DATA_SOURCE
from mmk12.types import IMAGE_MARK
from mmk12.utils import storage
from mmk12.utils.storage import replace_file, to_json
from mmk12.verifier.spec import FIELDS

_BATCH = 64
"""Rows in memory, with their pictures."""
IMAGES = "images"
"""The folder of pictures beside a JSONL file."""

LOST_ALWAYS = ("tags, pass rate, source and split of a row (its id is kept; the parquet files have them)",)


@dataclass(frozen=True, slots=True)
class TrainingRow:
    """A row of `build-data`: messages with `<image>` marks, encoded pictures by name, and the columns of a reward."""

    id: str
    messages: Sequence[Mapping[str, str]]
    images: Sequence[tuple[str, bytes]]
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """How one trainer's files are written.

    `write(rows, path)` writes a split and returns its rows. `finish(out, files)` writes what stands beside the splits.
    `lost` names what cannot be carried; `use(out, train file)` is what to give to the trainer.
    """

    suffix: str
    write: Callable[[Iterator[TrainingRow], Path], int]
    lost: tuple[str, ...]
    use: Callable[[Path, Path], str]
    finish: Callable[[Path, Sequence[Path]], list[Path]] | None = None


def read_rows(path: Path, progress: Callable[[int, int], None]) -> Iterator[TrainingRow]:
    """Yields the rows of one of our parquet files. Raises `BadInput` for any other, or marks that do not fit."""
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise BadInput(f"{path} is no parquet file: {error}. Give one that `mmk12 build-data` wrote.") from error
    missing = {"prompt", "images", "reward_model", "extra_info", "data_source"} - set(file.schema_arrow.names)
    if missing:
        raise BadInput(f"{path} has no column {', '.join(sorted(missing))}: it is not a file of `mmk12 build-data`.")
    total, done = file.metadata.num_rows, 0
    for batch in file.iter_batches(_BATCH):
        for row in batch.to_pylist():
            yield _to_row(row, f"{path}, row {done + 1}")
            done += 1
        progress(done, total)


def _to_row(row: Mapping[str, Any], where: str) -> TrainingRow:
    marks = sum(message["content"].count(IMAGE_MARK) for message in row["prompt"])
    images = [(image["path"], image["bytes"]) for image in row["images"] or ()]
    if marks != len(images):
        raise BadInput(f"{where}: {marks} {IMAGE_MARK} marks and {len(images)} pictures. Build the data again.")
    extra = row["extra_info"]
    columns = {"gold": row["reward_model"]["ground_truth"], **{name: extra.get(name) for name in FIELDS[1:]}}
    columns[PROFILE_COLUMN] = row["data_source"].removeprefix(DATA_SOURCE)
    return TrainingRow(extra["id"], row["prompt"], images, columns)


def join_messages(row: TrainingRow) -> str:
    """Returns the prompt as one text, for trainers whose prompt is one user turn; the system message comes first."""
    return "\n\n".join(message["content"] for message in row.messages)


def write_parquet(rows: Iterator[dict[str, Any]], path: Path, features: Any) -> int:
    """Writes rows in the columns of `features` (of `datasets`), which travel in the file, and returns their number."""
    schema, count = features.arrow_schema, 0
    with replace_file(path) as file, pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=False) as writer:
        group: list[dict[str, Any]] = []
        for row in rows:
            group.append(row)
            count += 1
            if len(group) == _BATCH:
                writer.write_table(pa.Table.from_pylist(group, schema=schema))
                group = []
        if group:
            writer.write_table(pa.Table.from_pylist(group, schema=schema))
    return count


def write_lines(rows: Iterator[TrainingRow], path: Path, make: Callable[[TrainingRow, list[Path]], Any]) -> int:
    """Writes `make(row, pictures)` of each row as JSONL, its pictures into `images/`, and returns the number of rows.

    The pictures' paths are absolute: the trainers open them from wherever they run.
    """
    folder = (path.parent / IMAGES).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    with replace_file(path) as file:
        for row in rows:
            pictures = []
            for name, content in row.images:
                picture = folder / Path(name).name
                if not picture.is_file():  # named by its content
                    storage.write_bytes(picture, content)
                pictures.append(picture)
            file.write(to_json(make(row, pictures)).encode() + b"\n")
            count += 1
    return count
