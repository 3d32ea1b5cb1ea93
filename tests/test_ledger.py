"""A line of the ledger is worth its test: every test that docs/ledger.md names must exist."""

import re
from pathlib import Path

import pytest

CLONE = Path(__file__).resolve().parents[1]
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (CLONE / "docs" / "ledger.md").read_text("utf-8"))


def test_the_ledger_names_tests():
    assert len(NAMED) >= 15


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_named_test_exists(file, name):
    assert f"def {name}(" in (CLONE / file).read_text("utf-8")
