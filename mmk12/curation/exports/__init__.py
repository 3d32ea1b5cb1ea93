"""`mmk12 export DATA --for TARGET`: our parquet files as another trainer reads them, one file per target.

A target is a file here and a line in `TARGETS`. What it cannot carry is said, never left out silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from mmk12.curation.exports import easyr1, llamafactory, openrlhf, swift, trl
from mmk12.curation.exports.rows import Target, read_rows
from mmk12.errors import MissingData, UnknownName
from mmk12.utils.progress import Progress, ignore_progress
from mmk12.utils.shards import find_files

TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "trl": trl.TARGET,
        "easyr1": easyr1.TARGET,
        "swift": swift.TARGET,
        "llamafactory": llamafactory.TARGET,
        "openrlhf": openrlhf.TARGET,
    }
)
_SPLITS = ("train", "val")


class Exported(NamedTuple):
    """The files that were written, rows by split, what a target cannot carry, and the options its command needs."""

    files: tuple[Path, ...]
    counts: Mapping[str, int]
    lost: tuple[str, ...]
    use: str


def export_for(data: Path, target: str, out: Path, *, progress: Progress = ignore_progress) -> Exported:
    """Writes the rows of `data`, a folder of `mmk12 build-data` or one parquet file, into `out` as `target` reads them.

    Raises `UnknownName` for the target, `MissingData` without a parquet file, `BadInput` for one that is not ours, and
    `OutputError`.
    """
    if target not in TARGETS:
        raise UnknownName("export target", target, TARGETS)
    chosen = TARGETS[target]
    out.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    files: list[Path] = []
    for name, sources in _find_splits(data).items():
        rows = chain.from_iterable(read_rows(source, partial(progress, f"export {source.name}")) for source in sources)
        path = out / f"{name}.{chosen.suffix}"
        counts[name] = chosen.write(rows, path)
        files.append(path)
    if chosen.finish:
        files += chosen.finish(out, files)
    return Exported(tuple(files), counts, chosen.lost, chosen.use(out, files[0]))


def _find_splits(data: Path) -> dict[str, list[Path]]:
    """Returns the files of each split in order: several where a split is in shards."""
    if data.is_file():
        return {data.stem: [data]}
    found = {split: files for split in _SPLITS if (files := find_files(data, split))}
    if not found:
        raise MissingData(f"No train.parquet in {data}. Give a folder of `mmk12 build-data`, or a parquet file of it.")
    return found
