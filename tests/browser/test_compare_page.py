"""compare.html in a real browser: four cells as filters, responses side by side, differences marked, links to runs."""

import pytest

from mmk12.evaluation.compare import compare
from mmk12.evaluation.compare_report import write_leaderboard, write_pair_report
from mmk12.evaluation.leaderboard import make_leaderboard
from tests.browser.test_page import CONTRAST, until
from tests.conftest import response
from tests.runs import graded

RIGHT, WRONG = response("$4$"), response("$5$")
A = [WRONG, RIGHT, RIGHT, WRONG, "<think>We add $x^2$ and one.</think><answer>$4$</answer>"]
B = [RIGHT, WRONG, RIGHT, WRONG, "<think>We add $x^3$ and two.</think><answer>$4$</answer>"]
TOPICS = [{"topic": topic} for topic in ("area", "angle", "area", "area", "angle")]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [graded(folder / name, texts, tags=TOPICS) for name, texts in (("a run", A), ("b", B))]


@pytest.fixture(scope="module")
def report(runs):
    path = runs[0].parent / "pages" / "compare.html"
    write_pair_report(path, tuple(runs), compare(*runs), [])
    return path


def names(page):
    return page.locator(".row div:first-child").all_inner_texts()


@pytest.mark.parametrize(
    ("cell", "items"),
    [("gained", ["toy/0"]), ("lost", ["toy/1"]), ("both right", ["toy/2", "toy/4"]), ("both wrong", ["toy/3"])],
)
def test_each_cell_links_to_its_items(show, report, cell, items):
    page = show(report)
    page.locator(".legend a", has_text=f"{cell} {len(items)}").click()
    until(page, f"document.querySelectorAll('.row').length === {len(items)}")
    assert names(page) == items


def test_a_sub_score_links_to_its_items(show, report):
    page = show(report)
    page.get_by_role("link", name="angle", exact=True).first.click()
    until(page, "document.querySelectorAll('.row').length === 2")
    assert names(page) == ["toy/1", "toy/4"]


def test_both_responses_stand_side_by_side_with_rule_and_reason(show, report):
    page = show(report, "#at=toy/1")
    left, right = page.locator(".sides section").all()
    assert abs(left.bounding_box()["y"] - right.bounding_box()["y"]) < 2
    assert "correct" in left.inner_text() and "identical" in left.inner_text()
    assert "wrong" in right.inner_text() and "does not equal" in right.inner_text()
    assert [side.locator("mark").inner_text().strip() for side in (left, right)] == ["4", "5"]
    until(page, "document.querySelector('#item .figures img').naturalWidth === 480")


def test_what_differs_is_marked(show, report):
    page = show(report, "#at=toy/4")
    until(page, "CSS.highlights.get('differs')?.size === 2")
    words = "[...CSS.highlights.get('differs')].map(range => range.toString())"
    assert page.evaluate(words) == ["one", "two"]
    assert page.locator(".differs").evaluate_all("all => all.map(one => one.title)") == ["$x^2$", "$x^3$"]
    page.keyboard.press("s")
    until(page, "document.querySelectorAll('#item pre').length === 2")
    until(page, "CSS.highlights.get('differs')?.size === 4")


def test_an_item_links_to_the_page_of_each_run(show, report):
    page = show(report, "#at=toy/1")
    page.locator(".sides section a").first.click()
    until(page, "location.pathname.endsWith('report.html')")
    until(page, "document.querySelector('#item .head')?.textContent.includes('toy/1')")


def test_search_reads_both_responses(show, report):
    page = show(report)
    for word in ("and one", "and two"):
        page.locator("#text").fill(word)
        assert names(page) == ["toy/4"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_one_response_below_the_other(show, report, scheme):
    page = show(report, width=390, height=800, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.locator(".row").nth(4).click()
    left, right = page.locator(".sides section").all()
    assert left.bounding_box()["y"] < right.bounding_box()["y"]
    assert page.evaluate(CONTRAST) >= 4.5


def test_several_runs_are_columns(show, runs, tmp_path):
    third = graded(tmp_path / "c", A, tags=TOPICS)
    path, folders = tmp_path / "all.html", [*runs, third]
    write_leaderboard(path, make_leaderboard(folders), folders)
    page = show(path, "#status=some+right")
    assert names(page) == ["toy/0", "toy/1"]
    assert page.locator(".sides section").count() == 3
