"""Two Ray nodes on this machine: who is missing is named, and a training that loses one goes on with `--resume`."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from ray.util import get_node_ip_address

from mmk12.runlog import read_run

BIN = Path(sys.executable).parent
STEPS, PROMPTS, ROLLOUTS = 3, 8, 4
# What verl's processes on a CPU need of the machine, as a cluster's own start script would set it; nodes and driver
# have one mode of authentication.
MACHINE = {
    "RAY_AUTH_MODE": "disabled",
    "OMP_NUM_THREADS": "1",
    "RAY_worker_niceness": "0",
    "RAY_worker_register_timeout_seconds": "900",
}
HERE = {**os.environ, **MACHINE}


@contextmanager
def node(*options):
    """A Ray node that lives as long as the context, or until its process group is killed."""
    command = [BIN / "ray", "start", *options, "--num-cpus=8", "--num-gpus=1", "--block"]
    started = subprocess.Popen(
        [str(part) for part in command],
        env=HERE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield started
    finally:
        end(started)


def end(started):
    """Ends all processes of a node at once, as a power cut would."""
    try:
        os.killpg(started.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    started.wait()


@pytest.fixture(scope="module")
def head():
    """The address of a cluster of one node."""
    here = get_node_ip_address()
    with socket.create_server((here, 0)) as free:
        port = free.getsockname()[1]
    with node("--head", f"--port={port}", "--include-dashboard=false"):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            with socket.socket() as knocking:
                if knocking.connect_ex((here, port)) == 0:
                    break
            time.sleep(1)
        yield f"{here}:{port}"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "data"
    build = [str(BIN / "mmk12"), "build-data", "demo", "--limit", "64", "--out", str(folder)]
    subprocess.run(build, check=True, capture_output=True)
    return folder


def command(data, run, head):
    changes = [f"train.steps={STEPS}", "train.checkpoint_every=1", "train.validate_every=10", "hardware.micro_batch=8"]
    changes += [f"train.prompts_per_step={PROMPTS}", f"train.rollouts={ROLLOUTS}"]
    changes += [f"train.samples_per_update={PROMPTS * ROLLOUTS}"]
    options = ["--data", str(data), "--out", str(run), "--nodes", "2", "--gpus", "1", "--ray-address", head]
    return [str(BIN / "mmk12"), "train", "demo", *options, *changes]


def trained(path):
    """How many steps a launch has logged."""
    lines = path.read_bytes().split(b"\n")[:-1] if path.is_file() else []
    return sum("training/global_step" in json.loads(line)["data"] for line in lines)


def test_a_missing_node_is_named(head, data, tmp_path):
    waiting = [*command(data, tmp_path / "run", head), "--wait", "5"]
    done = subprocess.run(waiting, capture_output=True, text=True, check=False, env=HERE)
    assert done.returncode == 1
    assert "1 of 2 nodes with 1 GPUs have joined" in done.stdout
    assert f"On each missing one: ray start --address {head}" in done.stderr


def test_a_lost_node_ends_the_job_and_resume_goes_on(head, data, tmp_path):
    run = tmp_path / "run"
    with node(f"--address={head}") as second:
        log = tmp_path / "first.log"
        with (
            open(log, "wb") as file,
            subprocess.Popen(command(data, run, head), stdout=file, stderr=file, env=HERE) as driver,
        ):
            deadline = time.monotonic() + 1500
            while driver.poll() is None and time.monotonic() < deadline:
                if trained(run / "attempts" / "001" / "metrics.jsonl") >= 1:
                    break
                time.sleep(1)
            assert driver.poll() is None, log.read_text()[-3000:]
            end(second)
            assert driver.wait(600) == 1, log.read_text()[-3000:]
        told = log.read_text()
        # Who held the trainer itself takes the job along; any other node would be waited for.
        assert "The cluster lost " in told or "verl ended with exit code" in told, told[-3000:]
        assert "--resume" in told
    time.sleep(40)  # so long Ray takes a silent node for alive
    with node(f"--address={head}"):
        again = subprocess.run(
            [*command(data, run, head), "--resume"], capture_output=True, text=True, check=False, env=HERE
        )
        assert again.returncode == 0, (again.stdout + again.stderr)[-3000:]
    table = read_run(run).table
    assert list(table.loc[1:].index) == list(range(1, STEPS + 1))
    assert not table.loc[1:, ["accuracy", "length", "reward"]].isna().any(axis=None)
