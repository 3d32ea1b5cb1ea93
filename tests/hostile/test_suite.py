"""A small share of the attacks; `make test-hostile` runs many more and prints the table."""

import json

import pytest

from tests.hostile.attacks import ATTACKS
from tests.hostile.readers import READERS
from tests.hostile.suite import MEMORY, attack


def test_every_class_has_a_reader():
    assert ATTACKS.keys() == READERS.keys()


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("json", 60),
        ("tex", 60),
        *(pytest.param(name, 150, marks=pytest.mark.slow) for name in ATTACKS),
    ],
)
def test_nothing_crashes_and_no_number_is_false(name, runs):
    found = attack(name, runs, seed=20)
    assert (found["runs"], found["crashes"], found["false"]) == (runs, 0, 0), json.dumps(found)
    assert int(str(found["peak_mb"])) < MEMORY >> 20
