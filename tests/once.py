"""Fixtures that compute a result once per process: a small build spends most of its time on these three."""

import json
import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pytest

from mmk12 import demo
from mmk12.demo import Problem, Split
from mmk12.utils import storage

_DRAWN: dict[str, bytes] = {}
_HASHED: dict[tuple[str | tuple[Path, bytes], ...], str] = {}
_POSED: dict[tuple[Split, int, int], tuple[list[Problem], Iterator[Problem]]] = {}
_LOCK = threading.Lock()


@pytest.fixture
def drawn_once(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Builds draw a figure once for the same numbers.

    `test_data_card.py` draws each time, and tests that the bytes depend on these numbers alone. Clear the dictionary to
    draw everything again.
    """
    from mmk12.curation import data_card  # not at the top: it takes a second, and most tests build nothing

    draw = data_card.plot

    def plot(figure: str, runs: Sequence[Path], out: Path) -> Path:
        shown = [(storage.read_json(run / "manifest.json"), storage.read_json(run / "statistics.json")) for run in runs]
        numbers = [
            (manifest["recipe"]["name"], manifest["difficulty"] if figure == "difficulty" else statistics)
            for manifest, statistics in shown
        ]
        key = json.dumps([figure, out.suffix, numbers])
        if key not in _DRAWN:
            _DRAWN[key] = draw(figure, runs, out).read_bytes()
        storage.write_bytes(out, _DRAWN[key])
        return out

    monkeypatch.setattr(data_card, "plot", plot)
    return _DRAWN


@pytest.fixture
def hashed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Builds hash the package once for the same roots; `test_code_hash.py`, where the package changes, goes without."""
    from mmk12.curation import benchmark_folder, difficulty, pipeline  # not above, see `drawn_once`

    hash_now = pipeline.hash_code

    def hash_code(*roots: str | Path) -> str:
        key = tuple(root if isinstance(root, str) else (root, root.read_bytes()) for root in roots)
        if key not in _HASHED:
            _HASHED[key] = hash_now(*roots)
        return _HASHED[key]

    for module in (benchmark_folder, difficulty, pipeline):
        monkeypatch.setattr(module, "hash_code", hash_code)


@pytest.fixture
def posed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sources and benchmarks share the demo's problems; `test_problems.py` tests that they are the same each time."""
    pose = demo.generate_problems

    def generate_problems(split: Split, count: int, seed: int = 0) -> Iterator[Problem]:
        place = 0
        while True:
            with _LOCK:
                problems, rest = _POSED.setdefault((split, count, seed), ([], pose(split, count, seed)))
                if place == len(problems):
                    problems.extend(islice(rest, 1))
            if place == len(problems):
                return
            yield problems[place]
            place += 1

    monkeypatch.setattr(demo, "generate_problems", generate_problems)
