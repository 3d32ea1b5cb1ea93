"""Does it learn? Trainings of the embedded model with verl's own trainer, each with its own seed and problems, and what
they are worth on 500 held-out problems: python -m perf.learning --out DIR [--seeds 0,1,2] [--only base,kl]

An hour and more on two cores. Everything goes through the `mmk12` command; what is there already is not done again.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from mmk12.evaluation.run_folder import EvalRun
from mmk12.runlog import read_run
from mmk12.utils.tables import Table

MMK12 = Path(sys.executable).with_name("mmk12")
VARIANTS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "base": ((), ()),
    "kl": ((), ("train.kl=0.01",)),
    "online_filter": ((), ("train.online_filter=drop",)),
    "filtered": (("--model", "demo", "--backend", "vllm"), ()),
    "hf_server": ((), ("hardware.rollout=hf_server",)),
}
"""What each variant adds to build-data and to train."""


def mmk12(log: Path, *arguments: object) -> None:
    """Runs a command; its output goes to the end of `log`."""
    with open(log, "ab") as file:
        subprocess.run([str(MMK12), *map(str, arguments)], stdout=file, stderr=subprocess.STDOUT, check=True)


def evaluated(model: str | Path, out: Path, log: Path) -> float:
    """Greedy accuracy on the 500 held-out problems, in percent."""
    mmk12(log, "eval", "--model", model, "--benchmarks", "demo", "--backend", "hf", "--out", out)
    return 100 * EvalRun(out).results().benchmarks["demo"].accuracy


def trained(out: Path, variant: str, seed: int) -> float:
    """Builds, trains and merges one variant; the seconds of its training, 0 if it was there."""
    build, changes = VARIANTS[variant]
    name, log = f"{variant}-seed{seed}", out / "log.txt"
    mmk12(log, "build-data", "demo", "--seed", seed, "--out", out / "data" / name, *build)
    if (out / "models" / name).exists():
        return 0.0
    start = time.perf_counter()
    options = ["--data", out / "data" / name, "--out", out / "runs" / name, "--resume"]
    mmk12(log, "train", "demo", *options, f"train.seed={seed + 1}", *changes)
    seconds = time.perf_counter() - start
    mmk12(log, "merge", out / "runs" / name, out / "models" / name)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m perf.learning")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--only", default="base")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    log = given.out / "log.txt"
    before = evaluated("demo", given.out / "evals" / "starter", log)
    lines = []
    for variant in given.only.split(","):
        for seed in map(int, given.seeds.split(",")):
            name = f"{variant}-seed{seed}"
            seconds = trained(given.out, variant, seed)
            after = evaluated(given.out / "models" / name, given.out / "evals" / name, log)
            steps = read_run(given.out / "runs" / name).table.dropna(subset=["accuracy", "length"])
            sampled = " → ".join(f"{part['accuracy'].mean():.2f}" for part in (steps.head(3), steps.tail(3)))
            length = " → ".join(f"{part['length'].mean():.0f}" for part in (steps.head(3), steps.tail(3)))
            row = (variant, seed, f"{before:.1f}", f"{after:.1f}", f"{after - before:+.1f}", sampled, length)
            lines.append((*row, f"{seconds / 60:.0f}" if seconds else "there"))
    header = ("variant", "seed", "greedy % before", "after", "difference", "sampled", "length", "minutes")
    Console(width=160).print(Table(header, lines).to_rich())


if __name__ == "__main__":
    main()
