"""SIGKILL to the driver of a training, then `--resume`: it goes on from the last checkpoint, the log without a seam."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mmk12.runlog import read_run

MMK12 = str(Path(sys.executable).with_name("mmk12"))
STEPS, PROMPTS, ROLLOUTS = 4, 8, 4


def logged(path):
    """The steps that a launch has trained so far."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
    return [row["step"] for row in map(json.loads, lines) if "training/global_step" in row["data"]]


def alive(word):
    """Processes whose command line holds `word`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if word.encode() in told and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def test_kill_and_resume(tmp_path):
    run = tmp_path / "run"
    data = ["build-data", "demo", "--limit", "64", "--out", str(tmp_path / "data")]
    subprocess.run([MMK12, *data], check=True, capture_output=True)
    changes = [f"train.steps={STEPS}", "train.checkpoint_every=1", "train.validate_every=2", "hardware.micro_batch=8"]
    changes += [f"train.prompts_per_step={PROMPTS}", f"train.rollouts={ROLLOUTS}"]
    changes += [f"train.samples_per_update={PROMPTS * ROLLOUTS}"]
    command = [MMK12, "train", "demo", "--data", str(tmp_path / "data"), "--out", str(run), *changes]

    metrics = run / "attempts" / "001" / "metrics.jsonl"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as driver:
        deadline = time.monotonic() + 1200
        while driver.poll() is None and time.monotonic() < deadline and len(logged(metrics)) < 2:
            time.sleep(0.5)
        os.kill(driver.pid, signal.SIGKILL)
    before = logged(metrics)
    assert before[:2] == [1, 2]
    assert len(before) < STEPS, "killed too late to show anything"

    deadline = time.monotonic() + 120
    while alive(str(metrics.parent)) and time.monotonic() < deadline:
        time.sleep(1)
    assert not alive(str(metrics.parent)), "the job outlives its driver"

    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert "--resume" in refused.stderr
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]

    after = logged(run / "attempts" / "002" / "metrics.jsonl")
    assert after == list(range(after[0], STEPS + 1))
    assert 2 <= after[0] <= before[-1] + 1, "it went on from the last checkpoint"
    log = read_run(run)
    assert log.launches == 2
    trained = log.table.loc[1:STEPS, ["accuracy", "length", "reward"]]
    assert list(trained.index) == list(range(1, STEPS + 1))
    assert not trained.isna().any(axis=None)
