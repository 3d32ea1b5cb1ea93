"""report.html in a real browser: filters, keys, links, pictures, phones, and hostile text that stays text."""

import json
import re
import time

import pytest

from tests.conftest import response
from tests.runs import graded

EVIL = (
    "</script><script>document.title = 'owned'</script><img src=x onerror=alert(1)>"
    " \u202eright to left\u202c \u2028 zero\u200bwidth <!-- ]]> &lt; \\u003c"
)
TOPICS = [
    {"topic": "area"},
    {"topic": ("area", "angle <b>")},
    {"topic": "angle <b>"},
    {"topic": "area"},
    {"topic": "area"},
]
TEXTS = [
    response("$4$"),
    "4 of them: \\boxed{5}, 5 in all",
    EVIL + response("$4$"),
    "<think>and on and on",
    None,
]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return graded(tmp_path_factory.mktemp("run") / "run", TEXTS, tags=TOPICS) / "report.html"


@pytest.fixture
def page(show, report):
    return show(report)


def ids(page):
    return [text.split()[0] for text in page.locator(".row div:first-child").all_inner_texts()]


def until(page, condition):
    """Waits for a condition; Playwright's own way evaluates text in the page, which its policy forbids."""
    deadline = time.monotonic() + 10
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        time.sleep(0.02)


def choose(page, name, value):
    page.locator(f'select[name="{name}"]').select_option(value)


def show_source(page):
    page.get_by_role("button", name="as they were written").click()


def test_hostile_text_stays_text(page):
    page.locator(".row").nth(2).click()
    said = page.locator("#item .response").inner_text()
    assert "</script><script>document.title = 'owned'</script><img src=x onerror=alert(1)>" in said
    assert page.locator("#item .response img, #item .response script").count() == 0
    show_source(page)
    said = page.locator("#item pre").inner_text()
    assert "</script><script>document.title = 'owned'</script><img src=x onerror=alert(1)>" in said
    assert "<!-- ]]> &lt; \\u003c" in said
    assert page.title() == "org/MM-Eureka-8B – evaluation"
    assert page.locator("#item pre img, #item pre script").count() == 0


def test_characters_that_hide_or_reorder_are_shown_by_name(page):
    page.locator(".row").nth(2).click()
    assert page.locator("#item .response .odd").all_inner_texts() == ["U+202E", "U+202C", "U+2028", "U+200B"]
    show_source(page)
    assert page.locator("#item pre .odd").all_inner_texts() == ["U+202E", "U+202C", "U+2028", "U+200B"]
    assert not re.search("[\u202e\u2028\u200b]", page.locator("#item pre").inner_text())


def test_a_lone_surrogate_harms_nothing(show, tmp_path):
    page = show(graded(tmp_path / "run", ["half \ud83d of it " + response("$4$"), response("$5$")]) / "report.html")
    assert "half" in page.locator("#item .response").inner_text()
    assert ids(page) == ["toy/0", "toy/1"]


def test_no_script_but_its_own_runs(page):
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.owned = 1'}))")
    assert page.evaluate("window.owned") is None


def test_the_answer_is_marked_where_it_was_extracted(page):
    page.locator(".row").nth(1).click()
    assert page.locator("#item mark math .boxed").all_text_contents() == ["5"], "the whole formula is marked"
    show_source(page)
    assert page.locator("#item mark").all_inner_texts() == ["5"]
    assert page.locator("#item mark").evaluate("mark => mark.previousSibling.textContent") == "4 of them: \\boxed{"


def test_an_item_shows_everything_that_decides(page):
    item = page.locator("#item").inner_text()
    for word in ("correct", "toy/0", "topic: area", "6 tokens", "What?", "4", "identical", "as the prompt asks"):
        assert word in item
    page.locator(".row").nth(3).click()
    assert "✂ cut here" in page.locator("#item").inner_text()


MATHS = (
    "<think>Let $x_1 = \\frac{1}{2}$.\n\n- **so**\n- `a $b$`\n\n"
    "\\[\\begin{cases}x&=1\\\\y&=2\\end{cases}\\] $\\nonsense{1}$</think>"
    "<answer>$\\frac{3}{4}$</answer>"
)


def test_formulas_and_markdown_are_set_and_parts_fold(show, tmp_path):
    page = show(graded(tmp_path / "run", [MATHS], golds=["\\frac{3}{4}"]) / "report.html")
    item = page.locator("#item")
    assert item.locator(".response math").count() == 3
    assert item.locator(".response mark mfrac").count() == 1, "the answer is marked where it is set"
    assert item.locator(".verdict dd mfrac").count() == 2, "gold and answer need no delimiters"
    assert item.locator(".response li strong").inner_text() == "so"
    assert item.locator(".response code").first.inner_text() == "a $b$"
    assert "$\\nonsense{1}$" in item.inner_text(), "what cannot be drawn stays as it was written"
    width = item.locator(".response mfrac").first.evaluate("e => [...e.children].map(c => c.getBoundingClientRect().y)")
    assert width[0] < width[1], "the fraction is drawn: its numerator stands above"
    formula = item.locator(".response .formula").first
    formula.click()
    assert formula.inner_text() == "$x_1 = \\frac{1}{2}$"
    formula.click()
    assert not formula.locator("code").is_visible()
    item.locator("summary", has_text="think").click()
    assert not item.locator(".response li").first.is_visible()
    assert item.locator(".response mark").is_visible()


def test_the_source_of_every_item_can_be_kept_in_view(show, tmp_path):
    page = show(graded(tmp_path / "run", [MATHS, MATHS]) / "report.html")
    page.keyboard.press("s")
    assert page.locator("#item math").count() == 0
    assert page.locator("#item pre").inner_text() == MATHS
    page.keyboard.press("j")
    assert page.locator("#item pre").count() == 1
    until(page, "location.hash.includes('view=source')")
    page.keyboard.press("s")
    assert page.locator("#item math").count() > 0


def test_pictures_are_decoded(page):
    until(page, "document.querySelector('#item img').naturalWidth === 480")


def test_filters_combine_and_are_cleared(page):
    choose(page, "group.topic", "area")
    assert ids(page) == ["toy/0", "toy/1", "toy/3"], "an item counts under each of its labels"
    choose(page, "status", "wrong")
    assert ids(page) == ["toy/1"]
    assert page.locator("#count").inner_text() == "1 of 5"
    labels = page.locator('select[name="status"] option').all_inner_texts()
    assert labels == ["status: all", "correct (1)", "no answer (1)", "wrong (1)"]
    page.locator("#reset").click()
    assert len(ids(page)) == 5


@pytest.mark.parametrize(
    ("text", "found"),
    [("IN ALL", ["toy/1"]), ("toy/3", ["toy/3"]), ("owned", ["toy/2"]), ("gone.png", ["toy/4"]), ("nowhere", [])],
)
def test_search_finds_what_is_shown(page, text, found):
    page.locator("#text").fill(text)
    assert ids(page) == found
    if not found:
        assert "No item fits" in page.locator("#item").inner_text()


def test_a_sub_score_links_to_its_items_and_back(page):
    page.get_by_role("link", name="angle <b>", exact=True).click()
    until(page, "document.querySelectorAll('.row').length === 2")
    assert ids(page) == ["toy/1", "toy/2"]
    assert page.locator("#items").evaluate("box => Math.round(box.getBoundingClientRect().top)") == 0
    page.go_back()
    until(page, "document.querySelectorAll('.row').length === 5")


def test_every_value_of_a_sub_score_links_to_as_many_items_as_it_counts(page):
    rows = page.locator(".groups tr").filter(has=page.locator("a"))
    counts = {row.locator("a").inner_text(): int(row.locator("td").nth(1).inner_text()) for row in rows.all()}
    assert counts == {"angle <b>": 2, "area": 3, "unknown": 1}, "what could not be asked has no topic that is known"
    for value, count in counts.items():
        page.get_by_role("link", name=value, exact=True).first.click()
        until(page, f"document.querySelectorAll('.row').length === {count}")


def test_a_status_links_to_its_items(page):
    page.get_by_role("link", name="no answer 1").click()
    until(page, "document.querySelectorAll('.row').length === 1")
    assert ids(page) == ["toy/3"]


def test_an_address_opens_an_item_among_its_like(show, report):
    page = show(report, "#status=wrong&at=toy/1")
    assert ids(page) == ["toy/1"]
    assert "toy/1" in page.locator("#item .head").inner_text()


def test_the_keyboard_is_enough(page):
    here = page.locator("#item .head")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert "toy/2" in here.inner_text()
    page.keyboard.press("k")
    assert "toy/1" in here.inner_text()
    page.locator("#list").focus()
    page.keyboard.press("End")
    assert "toy/4" in here.inner_text()
    page.keyboard.press("ArrowUp")
    assert page.locator("#list").get_attribute("aria-activedescendant") == "row3"
    assert page.locator("#row3").get_attribute("aria-selected") == "true"
    page.keyboard.press("/")
    page.keyboard.type("jk")
    assert page.locator("#text").input_value() == "jk", "letters typed into the search are no commands"
    page.keyboard.press("Escape")
    assert page.locator("#text").input_value() == ""
    assert len(ids(page)) == 5
    until(page, "location.hash.includes('at=toy')")


@pytest.mark.parametrize("address", ["#__proto__=x&constructor=y", "#group.toString=1&at=%00", "#=&&", "#items"])
def test_a_nonsense_address_shows_everything(show, report, address):
    assert len(ids(show(report, address))) == 5


def test_an_address_of_no_item_can_be_cleared(show, report):
    page = show(report, "#status=%F0")
    assert ids(page) == []
    page.locator("#reset").click()
    assert len(ids(page)) == 5


def test_a_phone_shows_the_list_then_the_item(show, report):
    page = show(report, width=390, height=800)
    assert page.evaluate("document.documentElement.scrollWidth") == 390, "nothing is wider than the screen"
    assert not page.locator("#item").is_visible()
    page.locator(".row").nth(1).click()
    assert page.locator("#item mark").is_visible()
    page.get_by_role("button", name="back to the list").click()
    assert not page.locator("#item").is_visible()


CONTRAST = """() => {
  const style = element => getComputedStyle(element);
  const curve = part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  const light = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(part => curve(part / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = element => {
    const colour = style(element).backgroundColor;
    return colour === "rgba(0, 0, 0, 0)" ? ground(element.parentElement) : colour;
  };
  const ratio = element => {
    const [dark, bright] = [light(style(element).color), light(ground(element))].sort((x, y) => x - y);
    return (bright + 0.05) / (dark + 0.05);
  };
  const says = element => [...element.childNodes].some(node => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const all = [...document.querySelectorAll("main *, #items *")];
  return Math.min(...all.filter(e => e.checkVisibility() && says(e) && !e.disabled).map(ratio));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("row", range(5))
def test_every_text_has_contrast_in_light_and_dark(show, report, scheme, row):
    page = show(report, scheme=scheme)
    page.locator(".row").nth(row).click()
    assert page.evaluate(CONTRAST) >= 4.5


def test_a_second_opinion_can_be_filtered(show, tmp_path):
    """Columns `official` and `judge` are shown and offered only where rows have them."""
    path = graded(tmp_path / "run", [response("$4$"), response("$5$"), response("$6$")]) / "report.html"
    html = path.read_text()
    assert 'name="judge"' not in html
    data = json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])
    for item, judge, official in zip(data["items"], (True, False, None), (True, True, False), strict=True):
        item |= {"judge": judge, "official": official}
    path.write_text(re.sub(r'(?<=id="data">).*?(?=</script>)', lambda _: json.dumps(data), html, flags=re.DOTALL))
    page = show(path)
    choose(page, "judge", "none")
    assert ids(page) == ["toy/2"]
    assert "no verdict" in page.locator("#item .verdict").inner_text()
    page.goto(path.as_uri() + "#status=other than correct&official=yes")
    page.reload()
    assert ids(page) == ["toy/1"]


def test_of_many_items_only_those_in_sight_are_drawn(show, tmp_path):
    page = show(graded(tmp_path / "run", [response(f"${number}$") for number in range(2000)]) / "report.html")
    assert page.locator("#count").inner_text() == "2000 items"
    assert page.locator("#rows .row").count() < 60
    page.locator("#list").focus()
    page.keyboard.press("End")
    assert ids(page)[-1] == "toy/1999"
    assert page.locator("#rows .row").count() < 60
    page.locator("#text").fill("$777$")
    assert ids(page) == ["toy/777"]
