"""What grading costs: 10,000 responses to verdicts, official verdicts, results.json and both reports.

python -m perf.grading

The responses are the constructed pairs of tests/cases behind a page of reasoning, for all benchmarks in one run folder.
"""

from __future__ import annotations

import json
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

from mmk12.datasets.registry import load_benchmark
from mmk12.evaluation.grading import grade_run
from mmk12.evaluation.records import BenchmarkSettings, RunSettings
from mmk12.evaluation.run_folder import EvalRun, Item
from mmk12.inference.deployment import Deployment
from mmk12.inference.prompts import Template
from mmk12.types import Completion, Sample, Sampling
from tests.benchmarks.rows import NAMES, documented
from tests.conftest import response

CASES = Path(__file__).parents[1] / "tests" / "cases"
THOUGHT = "We look at the figure and see that $AB = 3$, so the area is $\\frac{1}{2} \\cdot 3 \\cdot 4 = 6$. " * 12
LIMIT = 5.0


def pairs() -> list[tuple[str, Sample, str]]:
    """(benchmark, sample, response) of every constructed pair."""
    found = []
    for name in (name for name in NAMES if (CASES / f"{name}.json").is_file()):
        declared = load_benchmark(name)
        for number, case in enumerate(json.loads((CASES / f"{name}.json").read_text("utf-8"))):
            draft = declared.draft({**documented(name), **case["row"]})
            sample = Sample(f"{name}/{number}", name, draft.question, (), draft.gold, draft.tags)
            found += [(name, sample, response(answer, THOUGHT)) for answer in (*case["right"], *case["wrong"])]
    return found


def main(responses: int = 10_000) -> None:
    """Prints the seconds that grading takes; raises `SystemExit` if they are too many."""
    items, completions, names = [], {}, set()
    for number, (name, sample, text) in enumerate(islice(cycle(pairs()), responses)):
        names.add(name)
        items.append(Item(name, sample, (str(number),)))
        completions[str(number)] = Completion(str(number), sample.id, 0, text, "stop", None, None)
    declared = {
        name: BenchmarkSettings(
            about=one.about, size=1, items=1, sha256="", read_from="", groups=one.groups, official=one.official
        )
        for name, one in ((name, load_benchmark(name)) for name in sorted(names))
    }
    settings = RunSettings(
        mmk12="", model="bench", backend="replay", fingerprint="", deployment=Deployment(), n=1, profile="strict",
        prompt=Template("instruct", "", ""), sampling=Sampling(0.0, 1), benchmarks=declared, versions={},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        started, used = time.perf_counter(), time.process_time()
        grade_run(EvalRun(Path(folder)), settings, items, completions)
        wall, cpu = time.perf_counter() - started, time.process_time() - used
    print(f"{responses} responses graded in {wall:.2f} s ({cpu:.2f} s of CPU), limit {LIMIT:.0f} s")
    if cpu > LIMIT:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
