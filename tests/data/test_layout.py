"""docs/raw-layout.md says what the declarations say, and the figure draws what the manifest says."""

import json
from pathlib import Path

import pytest

from mmk12.content import names
from mmk12.data.layout import raw_layout
from mmk12.plot import plot

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_up_to_date():
    page = (ROOT / "docs" / "raw-layout.md").read_text("utf-8")
    assert page == raw_layout(), "run: python -m mmk12.data.layout docs/raw-layout.md"


def test_the_page_names_every_dataset():
    page = raw_layout()
    for name in [*names("source"), *names("benchmark")]:
        assert f"| `{name}` |" in page


@pytest.mark.parametrize("panels", [1, 2])
def test_the_figure_is_drawn_the_same_every_time(tmp_path, panels):
    counts = {"math": {"read": 9, "train": 5, "val": 1}, "k12_train": {"read": 90, "train": 70, "val": 2}, "none": {}}
    (tmp_path / "manifest.json").write_text(json.dumps({"recipe": {"name": "mix"}, "sources": counts}))
    files = [tmp_path / name for name in ("a.png", "b.png")]
    for file in files:
        plot("sources", [tmp_path] * panels, file)
    assert files[0].read_bytes() == files[1].read_bytes()
