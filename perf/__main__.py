"""Prints the tables of all measurements. Medians of alternated runs; no test depends on a time.

python -m perf [--only store,eval,verify,data,planted] [--rows N] [--data-rows N] [--out FILE.md]
"""

import argparse
import io
import random
import statistics
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image as Pillow
from rich.console import Console

from mmk12.demo import generate_problems
from mmk12.evaluation.pipeline import evaluate
from mmk12.inference import find_model, open_backend, prompts
from mmk12.inference.generate import make_request
from mmk12.types import Sampling
from mmk12.utils.images import ImageStore
from mmk12.utils.tables import Table
from perf.data import built
from perf.history import ratios_of, record
from perf.planted import RAW, copied
from perf.verifier import compared

ROUNDS = 5
GREEDY = Sampling(max_tokens=128)


def alternated(ours: Callable[[Path], object], limit: Callable[[Path], object]) -> tuple[float, float]:
    """Median seconds of both, run in turns, each time in a fresh folder; the first round only warms up."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(ROUNDS + 1):
        for kept, run in zip(times, (ours, limit), strict=True):
            with TemporaryDirectory() as folder:
                start = time.perf_counter()
                run(Path(folder))
                if number:
                    kept.append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1])


def image_store() -> tuple[float, float]:
    """Storing 60 photograph-like pictures, against decoding and hashing the same bytes with Pillow alone."""
    source = random.Random(0)
    pictures = []
    for _ in range(60):
        small = Pillow.frombytes("RGB", (64, 48), source.randbytes(64 * 48 * 3))
        buffer = io.BytesIO()
        small.resize((1024, 768)).save(buffer, "JPEG")
        pictures.append(buffer.getvalue())

    def ours(folder: Path) -> None:
        store = ImageStore(folder)
        for data in pictures:
            store.add(data)

    def limit(folder: Path) -> None:
        for data in pictures:
            sha256(Pillow.open(io.BytesIO(data)).convert("RGB").tobytes())

    return alternated(ours, limit)


def evaluation() -> tuple[float, float]:
    """`mmk12 eval` of the demo model on 96 problems, load to report, against bare generation of the same prompts."""
    with TemporaryDirectory() as folder:
        store = ImageStore(Path(folder))
        backend = open_backend(find_model("demo"), store)
        requests = []
        for problem in generate_problems("test", 96):
            image = store.add(problem.png)
            prompt = backend.render(prompts.render_chat("instruct", f"<image>{problem.question}", 1))
            requests.append(make_request(backend, problem.id, prompt, (image,), GREEDY, 0))

        def ours(out: Path) -> None:
            evaluate("demo", ["demo"], out=out, limit=96, max_tokens=GREEDY.max_tokens)

        def limit(out: Path) -> None:
            fresh = open_backend(find_model("demo"), store)
            list(fresh.generate(requests))

        return alternated(ours, limit)


def timings(wanted: set[str]) -> Table:
    """The measurements that have a limit of their own."""
    rows = []
    for key, name, measured, against in (
        ("store", "image store, 60 JPEG of 1024 x 768", image_store, "Pillow decode + sha256"),
        ("eval", "mmk12 eval, demo model, 96 problems", evaluation, "bare generation, model load included in both"),
    ):
        if key in wanted:
            ours, limit = measured()
            rows.append((name, f"{ours:.2f} s", f"{limit:.2f} s", f"{ours / limit:.2f}", against))
    return Table(("what", "ours", "limit", "ratio", "limit is"), rows)


def markdown(table: Table) -> str:
    """The table as a Markdown file shows it."""
    lines = (table.header, ("---",) * len(table.header), *table.rows)
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def main() -> None:
    """Runs what was asked for, or every measurement."""
    parser = argparse.ArgumentParser(prog="python -m perf")
    parser.add_argument("--only", default="store,eval,verify,data,planted", help="measurements, separated by commas")
    parser.add_argument("--rows", type=int, default=400, help="rows of each set for the graders")
    parser.add_argument("--data-rows", type=int, default=2000, help="synthetic rows for build-data, planted copies")
    parser.add_argument("--out", type=Path, help="also write the tables to this Markdown file")
    given = parser.parse_args()
    wanted = set(given.only.split(","))
    made = []
    if wanted & {"store", "eval"}:
        made.append(("timings", timings(wanted)))
    if "verify" in wanted:
        made.append(("graders", compared(given.rows)))
    if "data" in wanted:
        made.append(("build-data", built(given.data_rows)))
    if "planted" in wanted and RAW.is_dir():
        made.append(("planted copies", copied(given.data_rows)))
    for benchmark, table in made:
        Console(width=180).print(table.to_rich())
        if ratios := ratios_of(table):
            Console(width=180).print(record(benchmark, ratios).to_rich())
    if given.out:
        given.out.write_text("\n".join(markdown(table) for _, table in made), encoding="utf-8")


main()
