"""How fast report.html of ten thousand items opens and filters in Chromium: python -m perf.page"""

import shutil
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright
from rich.console import Console

from mmk12.demo import generate_problems
from mmk12.evaluation.grading import grade_run
from mmk12.evaluation.run_folder import EvalRun, Item
from mmk12.types import Completion, Gold, Sample
from mmk12.utils.tables import Table
from tests.browser.conftest import BROWSERS, SWITCHES
from tests.runs import settings

ITEMS, PICTURES, WORDS, FORMULAS, ROUNDS = 10_000, 2_000, 250, 12, 5
STEPS = {
    "one status": ("select[name=status]", "wrong"),
    "one group value": ("select[name='group.topic']", "7"),
    "text, first time": ("#text", "word1"),
    "text, again": ("#text", "word17 word17"),
}


def written(folder: Path) -> Path:
    """The page of a run of made-up responses to generated problems, about 2,000 characters and 12 formulas each."""
    run, items, completions = EvalRun(folder), [], {}
    images = [run.images.add(problem.png) for problem in generate_problems("train", PICTURES)]
    for number in range(ITEMS):
        name, key = f"toy/{number}", str(number)
        topic = {"topic": str(number % 20)}
        sample = Sample(name, "toy", "<image>What?", (images[number % PICTURES],), Gold(str(number % 7)), topic)
        thought = " ".join(f"word{(number * step) % 1000}" for step in range(WORDS))
        thought += "".join(f"\n\n- so $x_{{{step}}} = \\frac{{{number}}}{{{step + 1}}}$" for step in range(FORMULAS))
        text = f"<think>{thought}</think><answer>{number % 5}</answer>"
        items.append(Item("toy", sample, (key,)))
        completions[key] = Completion(key, name, 0, text, "stop", 5, WORDS)
    grade_run(run, settings(ITEMS), items, completions)
    return folder / "report.html"


def opened(browser: Browser, path: Path) -> dict[str, float]:
    """Seconds from the address to the first row and to the end of loading, and of each filter to the next frame."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    start = time.perf_counter()
    page.goto(path.as_uri(), wait_until="commit")
    page.wait_for_selector(".row")
    taken = {"first rows": time.perf_counter() - start}
    page.wait_for_load_state("load")
    taken["loaded"] = time.perf_counter() - start
    for name, (selector, value) in STEPS.items():
        taken[name] = page.evaluate(
            """async ([selector, value]) => {
              const field = document.querySelector(selector), start = performance.now();
              field.value = value;
              field.dispatchEvent(new Event("input", { bubbles: true }));
              await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
              return (performance.now() - start) / 1000;
            }""",
            [selector, value],
        )
    page.close()
    return taken


def main() -> None:
    """Prints medians of five openings in one browser."""
    path = next(filter(None, map(shutil.which, BROWSERS)))
    with TemporaryDirectory() as folder, sync_playwright() as driver:
        page = written(Path(folder))
        browser = driver.chromium.launch(executable_path=path, args=list(SWITCHES))
        rounds = [opened(browser, page) for _ in range(ROUNDS)]
        browser.close()
        size = page.stat().st_size / 1e6
    rows = [(name, f"{statistics.median(one[name] for one in rounds):.2f} s") for name in rounds[0]]
    Console().print(Table((f"{ITEMS:,} items, {PICTURES:,} pictures, {size:.0f} MB", "median"), rows).to_rich())


if __name__ == "__main__":
    main()
