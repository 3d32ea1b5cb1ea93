"""The report says how sure a number is, whose number it stands beside, and shows every item as text."""

import json
import re

import pytest

from mmk12 import report
from mmk12.grade import grade
from mmk12.run import Item, Run
from mmk12.types import Completion, Dropped, Gold, Sample
from tests.conftest import picture, response

PUBLISHED = {"model": "MM-Eureka-8B", "accuracy": 27.0, "grader": "GPT-4o yes/no", "source": "a paper"}


def settings(items, **changes):
    benchmark = {
        "about": "",
        "size": items,
        "items": items,
        "sha256": "0" * 64,
        "read_from": "raw-dir",
        "groups": ["topic"],
        "published": [PUBLISHED],
    }
    return {
        "model": "org/MM-Eureka-8B",
        "backend": "hf",
        "fingerprint": "hf x",
        "prompt": {"name": "instruct", "system": "s", "user": "u {question}"},
        "sampling": {"temperature": 0.0, "max_tokens": 64},
        "n": 1,
        "profile": "strict",
        "limit": None,
        "benchmarks": {"toy": benchmark},
        "versions": {"python": "3"},
        **changes,
    }


def graded(tmp_path, texts, **changes):
    """A graded run whose gold is always 4; texts of None are items that could not be asked."""
    run = Run(tmp_path / "run")
    image = run.images.add(picture("red", (900, 300)))
    items, completions = [], {}
    for number, text in enumerate(texts):
        name = f"toy/{number}"
        if text is None:
            items.append(Item("toy", Dropped(name, "toy", "load", "unusable image", "gone.png")))
            continue
        sample = Sample(name, "toy", "<image>What?", (image,), Gold("$4$"), {"topic": "a|b"})
        items.append(Item("toy", sample, (str(number),)))
        finish = "stop" if "</answer>" in text else "length"
        completions[str(number)] = Completion(str(number), name, 0, text, finish, 5, 6)
    grade(run, settings(len(texts), **changes), items, completions)
    return run.folder


def test_published_numbers_come_with_grader_difference_and_interval(tmp_path):
    text = (graded(tmp_path, [response("$4$")] + [response("$5$")] * 3) / "report.md").read_text()
    assert "| toy | 4 | 25.0 | 4.6 – 69.9 | 27.0 | -2.0 |" in text
    assert "| MM-Eureka-8B (this model) | 27.0 | -2.0 | yes | GPT-4o yes/no | a paper |" in text
    assert "a\\|b" in text, "a bar in a tag must not break the table"


@pytest.mark.parametrize("changes", [{"limit": 1}, {}])
def test_partial_and_limited_runs_stand_alone(tmp_path, changes):
    texts = [response("$4$")] if changes else [response("$4$"), None]
    folder = graded(tmp_path, texts, **changes)
    for name in ("report.md", "report.html"):
        assert "MM-Eureka-8B (this model)" not in (folder / name).read_text()
    assert ("limited" if changes else "partial") in (folder / "report.md").read_text()


def test_truncation_is_said_loudly(tmp_path):
    text = (graded(tmp_path, [response("$4$"), "<think>and on"]) / "report.md").read_text()
    assert "50.0 % of the responses were cut at 64 tokens" in text


@pytest.mark.parametrize(
    ("used", "published", "same"),
    [
        ("OpenGVLab/InternVL2_5-8B", "InternVL2.5-8B", True),
        ("/data/models/MM-Eureka-8B/", "MM-Eureka-8B", True),
        ("OpenGVLab/InternVL2_5-38B", "InternVL2.5-8B", False),
    ],
)
def test_a_model_is_known_by_the_name_that_is_printed(used, published, same):
    assert report._same_model(used, published) is same


def test_the_page_holds_every_item_and_small_pictures(tmp_path):
    page = (graded(tmp_path, [response("$4$"), None, response("$5$")]) / "report.html").read_text()
    data = json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert [item["id"] for item in data["items"]] == ["toy/0", "toy/1", "toy/2"]
    assert [item["status"] for item in data["items"]] == ["correct", "error", "wrong"]
    assert len(data["images"]) == 1
    assert not re.search(r'(src|href)="?https?:', page), "one file, no network"


def test_the_page_has_a_strict_content_policy(tmp_path):
    page = (graded(tmp_path, [response("$4$")]) / "report.html").read_text()
    assert "default-src 'none'" in page
    assert "connect-src" not in page
