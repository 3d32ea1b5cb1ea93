"""A promise is worth its tests: every line of docs/promises.md names some, and they exist."""

import re
from pathlib import Path

CLONE = Path(__file__).resolve().parents[1]
PROMISES = (CLONE / "docs" / "promises.md").read_text("utf-8")
LINES = [line for line in PROMISES.splitlines() if line.startswith("| ") and not line.startswith("| promise")]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_promise_names_a_test():
    assert len(LINES) >= 15
    assert [line for line in LINES if not NAMED.search(line)] == []


def test_the_named_tests_exist():
    missing = [
        f"{file}::{name}"
        for file, name in NAMED.findall(PROMISES)
        if not (CLONE / file).is_file() or f"def {name}(" not in (CLONE / file).read_text("utf-8")
    ]
    assert missing == []
