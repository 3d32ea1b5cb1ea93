"""docs/raw-layout.md says what the declarations say."""

from pathlib import Path

from mmk12.utils.content import names
from tools.raw_layout import raw_layout

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_up_to_date():
    page = (ROOT / "docs" / "raw-layout.md").read_text("utf-8")
    assert page == raw_layout(), "run: python -m tools.raw_layout docs/raw-layout.md"


def test_the_page_names_every_dataset():
    page = raw_layout()
    for name in [*names("source"), *names("benchmark")]:
        assert f"| `{name}` |" in page
