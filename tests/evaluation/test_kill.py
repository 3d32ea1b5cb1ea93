"""SIGKILL in the middle of a real evaluation, then the same command: nothing lost, altered or done twice."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("torch")
pytestmark = [pytest.mark.model, pytest.mark.slow]

ITEMS = 40


def command(out):
    return [
        *(sys.executable, "-m", "mmk12", "eval", "--model", "demo", "--benchmarks", "demo"),
        *("--limit", str(ITEMS), "--max-tokens", "24", "--out", str(out)),
    ]


def lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize("at", [0, 17])
def test_kill_and_continue(tmp_path, at):
    log = tmp_path / "run" / "completions.jsonl"
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command(tmp_path / "run"), env=environment, stderr=subprocess.DEVNULL) as child:
        deadline = time.monotonic() + 120
        while lines(log) < at and child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        if at == 0:
            time.sleep(1.0)  # while it still imports
        os.kill(child.pid, signal.SIGKILL)
    survived = log.read_bytes() if log.exists() else b""
    whole = survived[: survived.rfind(b"\n") + 1]
    assert lines(log) < ITEMS, "killed too late to show anything"

    subprocess.run(command(tmp_path / "run"), env=environment, check=True, capture_output=True)
    assert log.read_bytes().startswith(whole)
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert len({row["key"] for row in rows}) == len(rows) == ITEMS
    verdicts = (tmp_path / "run" / "verdicts.jsonl").read_text().splitlines()
    assert len(verdicts) == ITEMS

    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    subprocess.run(command(tmp_path / "run"), env=environment, check=True, capture_output=True)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files if path.name != ".lock"} == {
        path: seen for path, seen in before.items() if path.name != ".lock"
    }
