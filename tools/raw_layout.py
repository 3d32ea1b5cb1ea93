"""docs/raw-layout.md, made from the declarations themselves, so that it cannot say anything else.

python -m tools.raw_layout docs/raw-layout.md
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from mmk12.datasets.declarations import Dataset
from mmk12.datasets.registry import load_benchmark, load_source
from mmk12.utils import storage
from mmk12.utils.content import names

_TEXT = """# The raw folder

`--raw-dir RAW` is a folder with one subfolder per dataset, each in the layout of its publisher: download, unpack,
done. Archives that are named here (`.zip`, `.tar`) need no unpacking: they are read in place. Where several subfolders
are named, the first that exists is read. Datasets with a hub id are also read from the Hugging Face hub when
`--raw-dir` is not given (`HF_HOME`, `HF_ENDPOINT` and `HF_HUB_OFFLINE` are honoured).

This page is made by `python -m tools.raw_layout docs/raw-layout.md`; a test fails when it is out of date.

## Training sources

{sources}

## Benchmarks

{benchmarks}
"""


def raw_layout() -> str:
    """The whole page."""
    return _TEXT.format(
        sources=_table([load_source(name) for name in names("source")]),
        benchmarks=_table([load_benchmark(name) for name in names("benchmark")]),
    )


def _table(datasets: Sequence[Dataset]) -> str:
    lines = ["| id | folder below RAW | files | license | where | hub |", "| --- | --- | --- | --- | --- | --- |"]
    for one in datasets:
        folders = " or ".join(f"`{folder}/`" for folder in one.folders) or "none"
        hub = f"`{one.hub.id}`, {one.hub.split}" if one.hub else "no"
        cells = (f"`{one.name}`", folders, f"`{one.layout}`" if one.folders else one.layout, one.license, one.url, hub)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    storage.write_text(Path(sys.argv[1]), raw_layout())
