"""The index of runs in a real browser: sorting, filtering, the address, phones."""

import pytest

from mmk12.run_report.run_index import write_index
from tests.browser.test_page import CONTRAST, until
from tests.conftest import response
from tests.runs import graded
from tests.training_runs import make_training_run


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("all") / "runs"
    graded(folder / "half", [response("$4$"), response("$5$")])
    graded(folder / "full", [response("$4$")], model="org/<b>Other")
    make_training_run(folder / "train", steps=4, dumps=False)
    write_index(folder, folder / "index.html")
    return folder / "index.html"


def names(page):
    return page.locator("tbody tr:visible td:first-child").all_inner_texts()


def test_columns_sort_both_ways_and_the_address_keeps_it(show, index):
    page = show(index)
    page.get_by_role("button", name="accuracy %").click()
    assert names(page)[-1] == "full" and names(page).index("half") < 2
    page.get_by_role("button", name="accuracy %").click()
    assert names(page)[0] == "full"
    page.get_by_role("button", name="95 % interval").click()
    assert names(page)[-1] == "train", "what has no interval stands last"
    page.get_by_role("button", name="95 % interval").click()
    assert names(page)[-1] == "train"
    until(page, "location.hash.includes('sort=-interval')")
    page.reload()
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("95 %")


def test_words_and_kinds_filter(show, index):
    page = show(index)
    page.locator("#text").fill("OTHER toy")
    assert names(page) == ["full"]
    page.locator("#text").fill("")
    page.locator("#kind").select_option("training")
    assert names(page) == ["train"]
    assert page.locator("#count").inner_text() == "1 of 3"
    assert page.locator("tbody b b").count() == 0, "a name is text"


def test_a_run_links_to_its_page(show, index):
    page = show(index)
    page.get_by_role("link", name="half").click()
    until(page, "document.querySelectorAll('.row').length === 2")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(show, index, scheme):
    page = show(index, width=390, height=800, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(CONTRAST) >= 4.5
