"""Reads the case tables: a regression is one more row in a JSON file, not one more function."""

import json
from pathlib import Path

CASES = Path(__file__).resolve().parents[1] / "cases"


def table(name):
    """The rows of `tests/cases/<name>.json`."""
    return json.loads((CASES / f"{name}.json").read_text(encoding="utf-8"))
