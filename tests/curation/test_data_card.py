"""What a build tells people: the card, the figures, the sample sheet, the numbers behind them."""

import json
import re

import pytest

from mmk12.curation import build_data, paper_counts
from mmk12.curation.export import Statistics
from mmk12.curation.paper_counts import PAPER, compare_with_paper
from mmk12.inference.prompt_length import BuiltPrompt, LengthMeter, meter_by_characters
from mmk12.plotting import plot
from mmk12.types import Gold, Image, Sample
from mmk12.utils import storage
from tests.conftest import picture

SOURCE = """
from mmk12.datasets.declarations import Source
from mmk12.types import Gold, RawSample

source = Source(name="toy", about="invented", license="CC0 | <b>mine</b>", url="https://example.org", folders=("toy",),
                layout="rows.jsonl", rows=lambda files: files.jsonl("rows.jsonl"),
                draft=lambda row: RawSample(row["id"], row["q"], Gold(row["a"]), row["images"], {"topic": "<i>"}))
"""
HOSTILE = '<script>alert("x")</script> & <img src=x onerror=alert(1)> "quoted" {{ 7 * 7 }} $x<y$'


@pytest.fixture
def built(tmp_path, drawn_once, hashed_once):
    """A build of hostile rows."""
    (tmp_path / "raw" / "toy").mkdir(parents=True)
    (tmp_path / "raw" / "toy" / "a.png").write_bytes(picture("red", (640, 480)))
    (tmp_path / "raw" / "toy" / "b.png").write_bytes(picture("blue", (90, 300)))
    (tmp_path / "toy.py").write_text(SOURCE)
    data = f"{{sources: {{{tmp_path}/toy.py: all}}, val_fraction: 0.2, decontaminate: []}}"
    (tmp_path / "r.yaml").write_text(f"about: rows\ndata: {data}\n")
    rows = [
        {"id": f"<b>{n}", "q": f"{n}: {HOSTILE}", "a": f"${n}$", "images": [["a.png"], ["b.png"], []][n % 3]}
        for n in range(30)
    ]
    storage.write_jsonl(tmp_path / "raw" / "toy" / "rows.jsonl", rows)
    return build_data(str(tmp_path / "r.yaml"), raw_dir=tmp_path / "raw", out=tmp_path / "out")


def test_the_sample_sheet_shows_data_as_text(built):
    page = (built.out / "samples.html").read_text()
    assert "24 of 30 rows" in page
    assert page.count("<article>") == 24
    assert "<script" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in page
    assert "{{ 7 * 7 }}" in page
    assert "default-src 'none'" in page
    for path in re.findall(r'<img src="([^"]+)"', page):
        assert (built.out / path).is_file()


def test_a_card_cell_cannot_leave_its_table(built):
    licenses = (built.out / "LICENSE.md").read_text()
    assert "| toy | 30 | CC0 \\| \\<b>mine\\</b> | https://example.org | toy |\n" in licenses
    card = (built.out / "README.md").read_text()
    lengths = {len(re.findall(r"(?<!\\)\|", line)) for line in card.splitlines() if line.startswith("| toy")}
    assert lengths <= {4, 5, 2 + len(built.funnel["toy"])}


def test_the_numbers_behind_the_figures(built):
    numbers = storage.read_json(built.out / "statistics.json")
    assert numbers["image_sizes"] == [[90, 300, 10], [640, 480, 10]]
    assert numbers["prompt_lengths"]["unit"] == "characters of the question"
    assert sum(rows for _, rows in numbers["prompt_lengths"]["counts"]["toy"]) == 30
    assert numbers["answer_types"] == {"number": 30}
    assert numbers["origins"] == {"toy": 30}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sources", "image_sizes", "prompt_lengths"])
def test_figures_depend_on_the_data_alone(built, tmp_path, name):
    files = [tmp_path / "1.png", tmp_path / "2.png", tmp_path / "pair.svg"]
    for file, runs in zip(files, ([built.out], [built.out], [built.out, built.out]), strict=True):
        plot(name, runs, file)
    assert files[0].read_bytes() == files[1].read_bytes() == (built.out / "figures" / f"{name}.png").read_bytes()


@pytest.mark.slow
def test_figures_of_no_pictures_and_of_many_sources(tmp_path):
    counts = {f"source{number}": [[100 * number, 9 + number], [3000, 2]] for number in range(9)}
    numbers = {"image_sizes": [], "prompt_lengths": {"unit": "tokens", "counts": counts}}
    storage.write_json(tmp_path / "statistics.json", numbers)
    storage.write_json(tmp_path / "manifest.json", {"recipe": {"name": "mix"}})
    for name in ("image_sizes", "prompt_lengths"):
        assert plot(name, [tmp_path], tmp_path / f"{name}.png").stat().st_size > 1000
    storage.write_json(tmp_path / "statistics.json", {**numbers, "prompt_lengths": {"unit": "tokens", "counts": {}}})
    assert plot("prompt_lengths", [tmp_path], tmp_path / "empty.png").stat().st_size > 1000


def test_a_difficulty_figure_of_any_n(tmp_path):
    for n in (1, 8, 64):
        difficulty = {"n": n, "keep": "0 < p < 1", "model": "m", "right": {"a": [3] * (n + 1), "b": [1] * (n + 1)}}
        storage.write_json(tmp_path / "manifest.json", {"recipe": {"name": "mix"}, "difficulty": difficulty})
        assert plot("difficulty", [tmp_path], tmp_path / f"{n}.png").stat().st_size > 1000


def test_the_papers_counts_are_figure_1():
    assert len(PAPER) == 15
    assert sum(count for _, count in PAPER.values()) == 54_931


def test_what_upstream_cannot_reach_is_said():
    found = {
        row.name: row for row in compare_with_paper({"math": 12}, {"geometry3k": 2101, "math": 7500, "dvqa": None})
    }
    assert (found["Geometry3K"].upstream, found["MATH"].upstream, found["DVQA"].upstream) == (2101, None, None)
    assert (found["MATH"].paper, found["MATH"].ours) == (4844, 12)


def test_a_card_sets_the_paper_beside_what_was_built(built, monkeypatch, tmp_path):
    assert "## Comparison with the paper" not in (built.out / "README.md").read_text()
    monkeypatch.setattr(paper_counts, "PAPER", {"toy": ("Toy", 5665)})
    again = build_data(str(tmp_path / "r.yaml"), raw_dir=tmp_path / "raw", out=tmp_path / "again")
    card = (again.out / "README.md").read_text()
    assert "## Comparison with the paper" in card
    assert "The difficulty filter did not run here" in card
    assert "| Toy | 5,665 | 30 |" in card


def test_rows_of_a_released_mixture_count_for_their_origin():
    counted = Statistics(LengthMeter("tokens", lambda sample, asked: None if sample.id == "mix/3" else 7))
    for number, origin in enumerate(["math", "dvqa", "math", "dvqa"]):
        one = Sample(f"mix/{number}", "mix", "What?", (), Gold("$1$"), {"origin": origin})
        counted.add(one, BuiltPrompt([], ()))
    numbers = json.loads(json.dumps(counted.to_json()))
    assert numbers["origins"] == {"math": 2, "dvqa": 2}
    assert numbers["prompt_lengths"] == {"unit": "tokens", "counts": {"dvqa": [[7, 1]], "math": [[7, 2]]}}


def test_characters_are_those_of_the_question():
    image = Image("0" * 64, 10, 10)
    one = Sample("a/1", "a", "<image>角是几度?", (image,), Gold("$1$"))
    assert meter_by_characters().measure(one, BuiltPrompt([], (image,))) == 5
