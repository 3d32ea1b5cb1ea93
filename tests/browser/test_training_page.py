"""report.html of a training run in a real browser: the rollouts of a prompt beside each other, health as filters."""

import pytest

from mmk12.run_report import write_page
from tests.browser.test_page import until
from tests.training_runs import ROLLOUTS, make_training_run


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    run = make_training_run(tmp_path_factory.mktemp("runs") / "demo", steps=4, prompts=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mmk12.run_report.page.FIGURES", {"training_curves": "Accuracy and length", "groups": "Prompts"})
        return write_page(run, run / "report.html")


def test_rollouts_of_a_prompt_stand_side_by_side(show, report):
    page = show(report)
    page.locator(".row").nth(1).click()
    rows = page.locator(".mates tr")
    assert rows.count() == 1 + ROLLOUTS
    assert page.locator(".mates [aria-current] td").first.inner_text() == "#1"
    gains = [float(cell.replace("−", "-")) for cell in page.locator(".mates td:nth-child(3)").all_inner_texts()]
    assert abs(sum(gains)) < 0.01 * ROLLOUTS
    page.locator(".mates a").nth(5).click()
    until(page, "document.querySelector('.mates [aria-current] td').textContent === '#5'")


def test_steps_and_kinds_of_prompts_are_filters(show, report):
    page = show(report)
    page.locator('select[name="group.step"]').select_option("2")
    assert all(name.startswith("step 2 ") for name in page.locator(".row div:first-child").all_inner_texts())
    page.locator("#reset").click()
    page.locator(".legend a", has_text="no answer").first.click()
    until(page, "[...document.querySelectorAll('.row div:nth-child(2)')].every(row => row.textContent === 'no answer')")


def test_figures_are_drawn_and_fit_a_phone(show, report):
    page = show(report, width=390, height=800, scheme="dark")
    assert page.locator(".plot svg").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.locator(".plot").first.evaluate("box => getComputedStyle(box).backgroundColor") == "rgb(255, 255, 255)"
