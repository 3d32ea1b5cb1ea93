"""Writes docs/raw-layout.md from the declarations of sources and benchmarks.

Usage: `python -m tools.raw_layout docs/raw-layout.md`. A test fails if the page is out of date.
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

`--raw-dir RAW` is a folder with one subfolder per dataset, each in the layout of its publisher. Archives named here
(`.zip`, `.tar`) need not be unpacked: they are read in place. If several subfolders are named, the first that exists is
read. Without `--raw-dir`, datasets with a hub id are read from the Hugging Face Hub (`HF_HOME`, `HF_ENDPOINT` and
`HF_HUB_OFFLINE` are respected).

This page is made by `python -m tools.raw_layout docs/raw-layout.md`; a test fails when it is out of date.

## Training sources

{sources}

## Benchmarks

{benchmarks}
"""


def raw_layout() -> str:
    """Returns the page as Markdown."""
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
