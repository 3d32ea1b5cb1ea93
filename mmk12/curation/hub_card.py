"""What the Hugging Face Hub reads of a build: the YAML head of its README.md, and LICENSE.md.

Fields of the head: huggingface.co/docs/hub/datasets-cards, and `datasets.utils.metadata` for `configs` and
`dataset_info`. With them `datasets.load_dataset(FOLDER)` finds splits and features, from disk as from the hub.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import yaml

from mmk12.curation.export import SCHEMA, SPLITS
from mmk12.curation.hub_features import to_yaml_features
from mmk12.curation.manifest import BenchmarkRecord
from mmk12.curation.plan import Plan
from mmk12.datasets.registry import load_source
from mmk12.utils import content
from mmk12.utils.shards import find_files

CARD_FILE, LICENSE_FILE = "README.md", "LICENSE.md"

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LICENSES = {
    "Apache-2.0": "apache-2.0",
    "CC BY 4.0": "cc-by-4.0",
    "CC BY-NC 4.0": "cc-by-nc-4.0",
    "CC BY-NC-SA 4.0": "cc-by-nc-sa-4.0",
    "CC BY-SA 4.0": "cc-by-sa-4.0",
    "CC0": "cc0-1.0",
    "GPL-3.0": "gpl-3.0",
    "MIT": "mit",
}
"""The hub's identifiers of the licenses that it knows and sources have. A license with a condition is another one."""


class SourceLicense(NamedTuple):
    """The license of a source, or of a source inside a published mixture; `rows` are those of both splits."""

    name: str
    license: str
    url: str
    rows: int
    read_from: str


def list_licenses(
    plan: Plan, origins: Mapping[str, int], funnel: Mapping[str, Mapping[str, int]]
) -> list[SourceLicense]:
    """Returns the licenses of the sources that were read, then of those that their rows come from (`origins`)."""
    listed = [
        SourceLicense(
            one.name,
            one.source.license,
            one.source.url,
            sum(funnel[one.name].get(split, 0) for split in SPLITS),
            one.read_from(plan.raw_dir),
        )
        for one in plan.available
    ]
    declared = content.names("source")
    for name, rows in origins.items():
        if name not in {one.name for one in plan.available}:
            known = load_source(name) if name in declared else None
            license_, url = (known.license, known.url) if known is not None else ("not known to mmk12", "")
            listed.append(SourceLicense(name, license_, url, rows, "inside the above"))
    return listed


def make_head(out: Path, name: str, licenses: Sequence[SourceLicense], benchmark: BenchmarkRecord | None) -> str:
    """Returns the YAML head of README.md, with its rules, for the parquet files that `out` holds."""
    files = {split: find_files(out, split) for split in SPLITS}
    footers = {split: [pq.read_metadata(path) for path in paths] for split, paths in files.items()}
    rows = {split: sum(one.num_rows for one in parts) for split, parts in footers.items()}
    terms = {one.license for one in licenses}
    if benchmark is not None and benchmark.missing is None:
        terms.add(benchmark.license)
    head: dict[str, Any] = {
        "pretty_name": name,
        **_describe_license(terms),
        "task_categories": ["visual-question-answering"],
        "size_categories": [_size(sum(rows.values()))],
        "tags": ["mmk12", "reasoning", "reinforcement-learning"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [
                    {"split": split, "path": paths[0].name if len(paths) == 1 else f"{split}-*-of-*.parquet"}
                    for split, paths in files.items()
                    if rows[split]
                ],
            }
        ],
        "dataset_info": {
            "features": to_yaml_features(SCHEMA),
            "splits": [
                {"name": split, "num_bytes": _count_bytes(footers[split]), "num_examples": rows[split]}
                for split in SPLITS
                if rows[split]
            ],
            "download_size": sum(path.stat().st_size for paths in files.values() for path in paths),
            "dataset_size": sum(map(_count_bytes, footers.values())),
        },
    }
    return f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=120)}---\n"


def _describe_license(licenses: set[str]) -> dict[str, str]:
    """Returns the one license of all sources, if the hub knows it; else the name of the file that lists them."""
    known = {_LICENSES.get(one, "") for one in licenses}
    if len(known) == 1 and "" not in known:
        return {"license": known.pop()}
    return {"license": "other", "license_name": "those-of-the-sources", "license_link": LICENSE_FILE}


def _size(rows: int) -> str:
    return next((name for limit, name in _SIZES if rows < limit), "1M<n<10M")


def _count_bytes(footers: Sequence[Any]) -> int:
    """Returns the bytes of parquet files before compression."""
    return sum(one.row_group(group).total_byte_size for one in footers for group in range(one.num_row_groups))
