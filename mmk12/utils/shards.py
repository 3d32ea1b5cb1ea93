"""The parquet files of a split: `train.parquet`, or, where that would be too large, shards with the hub's names.

train-00000-of-00003.parquet, train-00001-of-00003.parquet, train-00002-of-00003.parquet
"""

from __future__ import annotations

import re
from pathlib import Path

from mmk12.errors import BadInput

_SHARD = re.compile(r"-(\d{5})-of-(\d{5})\.parquet")


def name_files(split: str, count: int) -> list[str]:
    """Returns the names of a split's files in order, for `count` of them."""
    return _name_shards(split, count) if count > 1 else [f"{split}.parquet"]


def _name_shards(split: str, count: int) -> list[str]:
    return [f"{split}-{number:05}-of-{count:05}.parquet" for number in range(count)]


def find_files(folder: Path, split: str) -> list[Path]:
    """Returns the files of a split in order, [] if there are none.

    Raises `BadInput` if shards are missing, or if the folder holds the files of two builds.
    """
    shards = [path for path in folder.glob(f"{split}-*.parquet") if _SHARD.fullmatch(path.name.removeprefix(split))]
    single = folder / f"{split}.parquet"
    there = sorted(path.name for path in [*shards, *([single] if single.is_file() else [])])
    if not there:
        return []
    # The hub calls a single file train-00000-of-00001.parquet.
    wanted = _name_shards(split, int(there[0].removesuffix(".parquet")[-5:])) if shards else name_files(split, 1)
    if there != wanted:
        known = set(wanted) - set(there)
        what = f"{min(known)} is missing" if known else f"{there[0]} and {there[-1]} are of two builds"
        raise BadInput(f"{folder} has no complete {split} split: {what}. Build or fetch it again.")
    return [folder / name for name in wanted]
