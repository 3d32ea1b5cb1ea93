"""All sixteen sources through a whole build: every row is kept or has its reason, and the bytes are the same again."""

import hashlib
import json
from pathlib import Path

import pytest

from mmk12.curation import build_data
from tests.datasets import raw

RECIPE = "about: all\ndata:\n  sources: {{{sources}}}\n  letters: {letters}\n  decontaminate: []\n  val_fraction: 0\n"


@pytest.fixture
def work(tmp_path, drawn_once, hashed_once):
    for write in raw.WRITERS.values():
        write(tmp_path / "raw")
    sources = ", ".join(f"{name}: all" for name in raw.WRITERS)
    for letters in ("true", "false"):
        (tmp_path / f"{letters}.yaml").write_text(RECIPE.format(sources=sources, letters=letters))
    return tmp_path


def made(work, out, letters="true"):
    return build_data(str(work / f"{letters}.yaml"), raw_dir=work / "raw", out=work / out)


def tree(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@pytest.mark.slow
def test_every_row_is_accounted_for_and_the_bytes_are_the_same(work):
    built = made(work, "one")
    drops = [json.loads(line) for line in (work / "one" / "drops.jsonl").read_text().splitlines()]
    assert set(built.funnel) == set(raw.WRITERS)
    for name, steps in built.funnel.items():
        assert steps["read"] - steps["train"] == sum(drop["source"] == name for drop in drops)
        assert steps["load"] > 0
    assert all(drop["reason"] for drop in drops)
    assert str(work) not in (work / "one" / "drops.jsonl").read_text()
    made(work, "two")
    assert tree(work / "one") == tree(work / "two")


@pytest.mark.slow
def test_letters_need_the_recipe_to_say_so(work):
    kept = made(work, "with").funnel
    left = made(work, "without", letters="false").funnel
    assert {name for name in kept if kept[name]["verifiable"] > left[name]["verifiable"]} == {
        "mm_eureka_released",
        "geoqa_plus",
        "iconqa",
        "m3cot",
        "scienceqa",
        "ai2d",
    }
