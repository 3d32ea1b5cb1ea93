"""`build-data` on synthetic rows, stage by stage, against decoding and hashing the same pictures with Pillow alone.

The build runs in a process of its own (`python -m perf.data FOLDER`), so that its peak memory is its own.
"""

import io
import json
import random
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image as Pillow
from PIL import ImageDraw

from mmk12.curation import build_data
from mmk12.utils.concurrency import count_cores
from mmk12.utils.tables import Table

LAST = "cap"
SOURCE = """
from mmk12.datasets.declarations import Source
from mmk12.types import Gold, RawSample

def draft(row):
    return RawSample(row["id"], row["question"], Gold(row["answer"]), images=[row["image"]])

source = Source(name="synthetic", about="line figures", license="none", url="made here", folders=("synthetic",),
                layout="rows.jsonl", rows=lambda files: files.jsonl("rows.jsonl"), draft=draft)
"""
SHAPES = ("triangle", "square", "circle", "rhombus", "trapezoid", "sector", "pentagon", "cone")
ASKED = ("area", "perimeter", "height", "largest angle", "radius", "longest side", "diagonal", "volume")


def built(rows: int) -> Table:
    """Rows per second of each stage and of the limit, and the peak memory of the build."""
    with TemporaryDirectory() as folder:
        work = Path(folder)
        _make(work, rows)
        before = _limit(work / "raw" / "synthetic" / "images")
        run = [sys.executable, "-m", "perf.data", folder]
        seconds = json.loads(subprocess.run(run, check=True, stdout=subprocess.PIPE).stdout)
        limit = (before + _limit(work / "raw" / "synthetic" / "images")) / 2
    memory = seconds.pop("memory")
    lines = [("Pillow decode + sha256, all cores", f"{limit:.1f} s", f"{rows / limit:,.0f}", "1.00")]
    for stage, spent in seconds.items():
        lines.append((stage, f"{spent:.1f} s", f"{rows / spent:,.0f}", f"{limit / spent:.2f}"))
    lines.append((f"peak memory, allowed {1000 + 0.003 * rows:,.0f} MB", f"{memory / 1e6:,.0f} MB", "–", "–"))
    return Table((f"build-data, {rows:,} rows with figures", "time", "rows / s", "of the limit"), lines)


def _make(work: Path, rows: int) -> None:
    """A source of `rows` different questions with different figures of 480 x 320, the size of CLEVR, and its recipe."""
    images = work / "raw" / "synthetic" / "images"
    images.mkdir(parents=True)
    with open(images.parent / "rows.jsonl", "w", encoding="utf-8") as file:
        for number in range(rows):
            rng = random.Random(number)
            (images / f"{number}.png").write_bytes(_figure(rng))
            shape, asked, a, b = rng.choice(SHAPES), rng.choice(ASKED), rng.randint(2, 999), rng.randint(2, 999)
            question = (
                f"As shown in the figure, the {shape} has $AB={a}$ and $\\angle C={b}^{{\\circ}}$. Find its {asked}."
            )
            row = {"id": str(number), "question": question, "answer": f"${rng.randint(1, 9999)}$"}
            file.write(json.dumps({**row, "image": f"images/{number}.png"}) + "\n")
    (work / "synthetic.py").write_text(SOURCE)
    recipe = f"about: a measurement\ndata: {{sources: {{{work}/synthetic.py: all}}, decontaminate: [demo]}}\n"
    (work / "recipe.yaml").write_text(recipe)


def _figure(rng: random.Random) -> bytes:
    picture = Pillow.new("RGB", (480, 320), "white")
    draw = ImageDraw.Draw(picture)
    points = [(rng.randint(10, 470), rng.randint(10, 310)) for _ in range(rng.randint(4, 9))]
    draw.polygon(points, outline="black", fill=rng.choice((None, "#dde8f0", "#f4e3d7")))
    for name, place in zip("ABCDEFGHI", points, strict=False):
        draw.text(place, name, fill="black")
    picture.paste(Pillow.frombytes("RGB", (40, 40), rng.randbytes(4800)), (rng.randint(0, 440), rng.randint(0, 280)))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _limit(images: Path) -> float:
    """Seconds for decoding and hashing all pictures with Pillow, on all cores."""

    def work(path: Path) -> None:
        sha256(Pillow.open(io.BytesIO(path.read_bytes())).convert("RGB").tobytes())

    bytearray(30 << 20)  # freed at once: from here on glibc keeps blocks of that size, and no page is faulted in twice
    start = time.perf_counter()
    with ThreadPoolExecutor(count_cores()) as pool:
        list(pool.map(work, sorted(images.iterdir())))
    return time.perf_counter() - start


def _measured(work: Path) -> dict[str, float]:
    """Seconds by stage of a build in the folder `work`, and its peak memory in bytes."""
    began, ended = {}, {}

    def progress(label: str, done: int, total: int) -> None:
        now = time.perf_counter()
        began.setdefault(label, now)
        ended[label] = now

    start = time.perf_counter()
    build_data(str(work / "recipe.yaml"), raw_dir=work / "raw", out=work / "out", until=LAST, progress=progress)
    # Stages that do most of their work before their first row are timed from the end of the one before.
    ends = [next(iter(began.values())), *ended.values()]
    found = {label: end - before for before, (label, end) in zip(ends, ended.items(), strict=False)}
    memory = sum(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {**found, "all stages": time.perf_counter() - start, "memory": memory * 1024}


if __name__ == "__main__":
    print(json.dumps(_measured(Path(sys.argv[1]))))
