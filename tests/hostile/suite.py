"""Runs the attacks: one child process with 2 GB of memory for each class, and a table of what they did.

    python -m tests.hostile.suite --runs 20000 --seed 7 [CLASS ...]

exits with 1 if anything crashed, gave a false result or needed more memory. An input that fails is kept in the folder
build/hostile, with its class and seed in the name.
"""

import argparse
import json
import logging
import random
import resource
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

CLONE = Path(__file__).resolve().parents[2]
MEMORY = 2 << 30
"""Bytes of private memory (data segment) for a child."""
KEPT = CLONE / "build" / "hostile"


def attack(name: str, runs: int, seed: int) -> dict[str, object]:
    """Runs one class in a child. A child that dies counts as one crash, with its signal."""
    command = [sys.executable, "-m", "tests.hostile.suite", "--child", name, "--runs", str(runs), "--seed", str(seed)]
    done = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    last = (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
    return {
        "class": name,
        "runs": 0,
        "crashes": 1,
        "false": 0,
        "peak_mb": 0,
        "first": f"exit {done.returncode}: {last}",
    }


def run_class(name: str, runs: int, seed: int) -> dict[str, object]:
    """Feeds `runs` inputs to the reader of a class, in this process."""
    from mmk12.errors import Mmk12Error
    from tests.hostile.attacks import ATTACKS
    from tests.hostile.readers import READERS

    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    crashes = false = 0
    first = ""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(runs):
            data = ATTACKS[name](random.Random(f"{name} {seed} {number}"))
            try:
                fault = READERS[name](data, Path(folder))
                false += bool(fault)
            except Mmk12Error:
                fault = ""
            except BaseException as error:  # noqa: BLE001 - any other exception is what this looks for
                crashes += 1
                fault = f"{type(error).__name__}: {error}"
            if fault:
                KEPT.mkdir(parents=True, exist_ok=True)
                (KEPT / f"{name}-{seed}-{number}").write_bytes(data)
                first = first or f"input {number}: {fault[:300]}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"class": name, "runs": runs, "crashes": crashes, "false": false, "peak_mb": peak, "first": first}


def main() -> int:
    from tests.hostile.attacks import ATTACKS

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classes", nargs="*", help=f"of {', '.join(ATTACKS)}; all if none is named")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(run_class(given.child, given.runs, given.seed)))
        return 0
    print(f"{'class':10} {'runs':>8} {'crashes':>8} {'false':>6} {'peak MB':>8}", flush=True)
    bad = 0
    for name in given.classes or ATTACKS:
        found = attack(name, given.runs, given.seed)
        bad += bool(found["first"]) or int(str(found["peak_mb"])) > MEMORY >> 20
        line = f"{name:10} {found['runs']:>8} {found['crashes']:>8} {found['false']:>6} {found['peak_mb']:>8}"
        print(f"{line}  {found['first']}".rstrip(), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
