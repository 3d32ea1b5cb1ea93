"""The report says how sure a number is, whose number it stands beside, and shows every item as text."""

import base64
import hashlib
import io
import json
import re

import pytest
from PIL import Image as Pillow

from mmk12.evaluation import report
from mmk12.evaluation.report import mark_answer
from tests.conftest import response
from tests.runs import graded


@pytest.fixture
def run(tmp_path):
    """Grades texts in a folder of its own."""
    return lambda texts, **options: graded(tmp_path / "run", texts, **options)


def page_data(folder):
    page = (folder / "report.html").read_text()
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)[1])


def test_published_numbers_come_with_grader_difference_and_interval(run):
    text = (run([response("$4$")] + [response("$5$")] * 3) / "report.md").read_text()
    assert "| toy | 4 | 25.0 | 4.6 – 69.9 | 27.0 | -2.0 |" in text
    assert "| MM-Eureka-8B (this model) | 27.0 | -2.0 | yes |  | GPT-4o yes/no | a paper |" in text
    assert "a\\|b" in text, "a bar in a tag must not break the table"


@pytest.mark.parametrize("changes", [{"benchmark": {"limit": 1}}, {}])
def test_partial_and_limited_runs_stand_alone(run, changes):
    folder = run([response("$4$")] if changes else [response("$4$"), None], **changes)
    for name in ("report.md", "report.html"):
        assert "MM-Eureka-8B (this model)" not in (folder / name).read_text()
    assert ("limited" if changes else "partial") in (folder / "report.md").read_text()


def test_truncation_is_said_loudly(run):
    text = (run([response("$4$"), "<think>and on"]) / "report.md").read_text()
    assert "50.0 % of the responses were cut at 64 tokens" in text


def test_what_the_items_can_show_follows_from_the_interval(run):
    texts = [response("$4$")] * 2 + [response("$5$")] * 18
    assert "20 items: about ± 13.7 points" in (run(texts) / "report.md").read_text()
    clustered = run(texts, clusters=[str(number // 5) for number in range(20)])
    assert "20 items: about ± 13.7 points" not in (clustered / "report.md").read_text(), "four problems, not twenty"


@pytest.mark.parametrize(
    ("used", "published", "same"),
    [
        ("OpenGVLab/InternVL2_5-8B", "InternVL2.5-8B", True),
        ("/data/models/MM-Eureka-8B/", "MM-Eureka-8B", True),
        ("OpenGVLab/InternVL2_5-38B", "InternVL2.5-8B", False),
    ],
)
def test_a_model_is_known_by_the_name_that_is_printed(used, published, same):
    assert report._is_same_model(used, published) is same


def test_the_page_holds_every_item_and_every_picture_once(run):
    folder = run([response("$4$"), None, response("$5$")])
    items = page_data(folder)["items"]
    assert [item["id"] for item in items] == ["toy/0", "toy/1", "toy/2"]
    assert [item["status"] for item in items] == ["correct", "error", "wrong"]
    page = (folder / "report.html").read_text()
    pictures = dict(re.findall(r'<script type="image/webp" id="(\w+)">(.*?)</script>', page))
    assert [[*pictures], []] == [items[0]["images"], items[1].get("images", [])]
    assert Pillow.open(io.BytesIO(base64.b64decode(pictures[items[0]["images"][0]]))).size == (480, 160)
    assert not re.search(r'(src|href)="?https?:', page), "one file, no network"


def test_small_pictures_are_made_once(run, monkeypatch):
    folder = run([response("$4$")])
    before = (folder / "report.html").read_bytes()
    monkeypatch.setattr("mmk12.utils.images.ImageStore.open", None)
    assert run([response("$4$")]) == folder
    assert (folder / "report.html").read_bytes() == before


def test_the_policy_of_the_page_allows_its_own_script_only(run):
    page = (run([response("$4$")]) / "report.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:;")


@pytest.mark.parametrize(
    ("text", "answer", "before"),
    [
        ("<think>4 or 5</think><answer> $4$ or 4</answer> 4", "$4$ or 4", "<think>4 or 5</think><answer> "),
        ("4 steps: \\boxed{4}, in 4 steps", "4", "4 steps: \\boxed{"),
        ("First \\boxed{7}. No: \\boxed{7}!", "7", "First \\boxed{7}. No: \\boxed{"),
        ("So the answer is 4. I checked it 4 times.", "4", "So the answer is "),
        ("**Answer:** 12 apples. Not 12 pears, but a long sentence" + " more" * 80, "12 apples", "**Answer:** "),
        ("因为 B 对,故选:B", "B", "因为 B 对,故选:"),
    ],
)
def test_the_answer_is_marked_where_it_was_found(text, answer, before):
    assert mark_answer(text, answer) == [before, answer, text[len(before) + len(answer) :]]


@pytest.mark.parametrize(
    ("text", "answer"),
    [("no answer", None), ("12", "12"), ("\\boxed{1} and \\boxed{2}", "1, 2"), ("", ""), ("is " * 20_000, "4")],
)
def test_an_answer_without_one_place_is_not_marked(text, answer):
    assert mark_answer(text, answer) == [text]
