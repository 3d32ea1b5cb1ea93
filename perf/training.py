"""How long all figures of a large training run take, and how much memory: python -m perf.training

1,000 steps of 1,024 responses of about 1,500 characters, made up, with all that `mmk12 train` logs and dumps.
"""

import argparse
import json
import random
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from mmk12.plotting import plot
from mmk12.utils.tables import Table
from tests.training_runs import ROLLOUTS, metrics, response

FIGURES = (
    "training_curves", "compare_runs", "instability", "groups", "difficulty_drift", "length_vs_accuracy", "aha",
)  # fmt: skip
_PADDING = "The two triangles share an angle, so their sides are in proportion and the ratio of areas follows. " * 12


def written(folder: Path, steps: int, prompts: int) -> Path:
    """A run folder; every step has other numbers, the words repeat."""
    draw = random.Random(0)
    (folder / "rollouts").mkdir(parents=True)
    (folder / "attempts/001").mkdir(parents=True)
    with open(folder / "attempts/001/metrics.jsonl", "w", encoding="utf-8") as log:
        for step in range(1, steps + 1):
            rows = [
                response(draw, step, prompt, rollout, draw.random() < 0.2 + 0.5 * step / steps, step / steps)
                for prompt in range(prompts)
                for rollout in range(ROLLOUTS)
            ]
            for row in rows:
                row["output"] = f"<think>{_PADDING}{row['output'].removeprefix('<think>')}"
            log.write(json.dumps({"step": step, "data": metrics(rows, step)}) + "\n")
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            (folder / f"rollouts/{step}.jsonl").write_text(lines, encoding="utf-8")
    return folder


def main() -> None:
    """Prints seconds for each figure, drawn one after the other in one process, and its peak memory."""
    parser = argparse.ArgumentParser(prog="python -m perf.training")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--prompts", type=int, default=128)
    given = parser.parse_args()
    rows, total = [], 0.0
    with TemporaryDirectory() as folder:
        run = written(Path(folder) / "run", given.steps, given.prompts)
        size = sum(path.stat().st_size for path in (run / "rollouts").iterdir()) / 1e9
        for name in FIGURES:
            start, used = time.perf_counter(), time.process_time()
            plot(name, [run], Path(folder) / f"{name}.png")
            taken = time.perf_counter() - start
            total += taken
            rows.append((name, f"{taken:.1f} s", f"{time.process_time() - used:.1f} s"))
    rows.append(("all", f"{total:.1f} s", f"{time.process_time():.1f} s with making the run"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    header = f"{given.steps:,} steps, {given.steps * given.prompts * ROLLOUTS:,} responses, {size:.2f} GB"
    Console(width=160).print(Table((header, "time", "processor time"), rows).to_rich())
    Console().print(f"peak memory {memory:.2f} GB")


if __name__ == "__main__":
    main()
