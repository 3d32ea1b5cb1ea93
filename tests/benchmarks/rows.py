"""The invented row in the docstring of a benchmark file: what the page says about the schema is what is tested."""

from __future__ import annotations

import json
from typing import Any

from mmk12.utils import content


def documented(name: str) -> dict[str, Any]:
    """The row that `benchmarks/<name>.py` documents."""
    text = content.load_module("benchmark", name).__doc__ or ""
    lines = text[text.index("\n    {") :].strip("\n").split("\n\n")[0]
    row: dict[str, Any] = json.loads(" ".join(line.strip() for line in lines.splitlines()))
    return row


NAMES = [name for name in content.names("benchmark") if name != "demo"]
"""Benchmarks that are read; the demo generates its rows."""
