"""Starts a planned job, on this machine or on a Ray cluster, and stays with it until it ends.

The job is verl's own trainer, unchanged; the plugin comes in through the environment. Ctrl-C ends the job, a kill of
this command ends it too, and `--resume` goes on from verl's last checkpoint in a new attempt.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

from mmk12 import storage
from mmk12.errors import Mmk12Error
from mmk12.training.attempts import Attempt, describe, next_attempt
from mmk12.training.watch import Log, line

if TYPE_CHECKING:
    from mmk12.training.plan import TrainingPlan

Say = Callable[[str], None]
Lost = Callable[[], Sequence[str]]
"""The addresses of the job's nodes that are gone."""

_POLL_SECONDS = 1.0
_NODES_EVERY = 5
_GRACE_SECONDS = 30.0
_TAIL = 12
_ERRORS = 3
_ERROR = re.compile(r"(?:^|\s)(?:\w{1,60}(?:Error|Exception)|mmk12): ")
_PR_SET_PDEATHSIG = 1
_ON_CPU = {
    "VERL_PLATFORM": "cpu",
    "VERL_ENGINE_DEVICE": "cuda",  # the engine that is registered so is device-agnostic
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "RAY_worker_niceness": "0",
    # Seven processes import torch at once here; Ray waits for 15 seconds.
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_worker_register_timeout_seconds": "900",
}


class TrainingFailed(Mmk12Error):
    """verl ended before the training did."""


def environment(plan: TrainingPlan, attempt: Attempt) -> dict[str, str]:
    """What the job's processes need beside the environment of this one; Ray carries it to all workers."""
    own = {
        "MMK12_VERL": "1",
        "VERL_FILE_LOGGER_PATH": str(attempt.metrics.absolute()),
        "TENSORBOARD_DIR": str((attempt.folder / "tensorboard").absolute()),
        "TOKENIZERS_PARALLELISM": "false",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    return {**(_ON_CPU if plan.recipe.hardware.device == "cpu" else {}), **own}


def train(plan: TrainingPlan, *, resume: bool, ray_address: str | None, lost: Lost, say: Say) -> Attempt:
    """Runs the job to its end. Raises `TrainingFailed` with the end of its output when it fails, or with the nodes that
    were `lost`: verl itself would wait for them forever."""
    with storage.sole_writer(plan.out):
        attempt = next_attempt(plan, resume)
        own = environment(plan, attempt)
        hydra = {"hydra.run.dir": str((attempt.folder / "hydra").absolute())}  # else in the current folder
        ray = _ray_keys(plan, own, ray_address) if plan.trainer == "rl" else {}
        command = plan.command(hydra | ray)
        describe(attempt, plan, command, own)
        say(f"attempt {attempt.folder.name}: {attempt.console}")
        with open(attempt.console, "wb") as console:
            job = subprocess.Popen(
                command,
                env={**os.environ, **own},
                stdout=console,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
            try:
                _follow(job, Log(attempt.metrics), plan.steps.total, lost, say)
            finally:
                _end(job)
        if job.returncode != 0:
            raise TrainingFailed(
                f"verl ended with exit code {job.returncode}. The end of {attempt.console}:\n{_tail(attempt)}\n"
                "Mend it, then go on with the same command and --resume."
            )
    return attempt


def _ray_keys(plan: TrainingPlan, own: dict[str, str], address: str | None) -> dict[str, Any]:
    """What Ray is told through verl: where it is, and what the environment of its workers holds."""
    prefix = "ray_kwargs.ray_init"
    keys: dict[str, Any] = {f"{prefix}.runtime_env.env_vars.{name}": value for name, value in own.items()}
    # `local`: without an address Ray joins any cluster that it finds on this machine.
    keys[f"{prefix}.address"] = address or "local"
    if address is not None:
        return keys
    if plan.recipe.hardware.device == "cpu":
        # verl asks Ray for GPUs; on a machine without one they are only counted.
        counted = {"num_gpus": plan.recipe.hardware.gpus, "num_cpus": 16, "include_dashboard": False}
        keys |= {f"{prefix}.{name}": value for name, value in counted.items()}
    return keys


def _die_with_parent() -> None:
    """Linux: a job whose starter was killed is told to end; it would go on in a folder that `--resume` writes to."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _follow(job: subprocess.Popen[bytes], log: Log, total: int | None, lost: Lost, say: Say) -> None:
    for poll in count():
        ended = job.poll() is not None
        for step, metrics in log.new():
            say(line(step, metrics, total))
        if ended:
            return
        if poll % _NODES_EVERY == 0 and (gone := lost()):
            raise TrainingFailed(
                f"The cluster lost {', '.join(gone)}, so the job was ended. "
                "When its nodes are back, go on with the same command and --resume."
            )
        time.sleep(_POLL_SECONDS)


def _end(job: subprocess.Popen[bytes]) -> None:
    """Ends the job's whole process group, gently first: Ray's workers are its children."""
    for sign, seconds in ((signal.SIGINT, _GRACE_SECONDS), (signal.SIGKILL, _GRACE_SECONDS)):
        if job.poll() is None:
            os.killpg(job.pid, sign)
            try:
                job.wait(seconds)
            except subprocess.TimeoutExpired:
                continue


def _tail(attempt: Attempt) -> str:
    """The last lines of the job's output, and before them the errors that its processes named: Ray and torchrun end
    with pages that tell only that one of them failed."""
    lines = [text for text in attempt.console.read_text("utf-8", "replace").splitlines() if text.strip()]
    named = dict.fromkeys(text for text in lines[:-_TAIL] if _ERROR.search(text))
    return "\n".join(f"  {text[:300]}" for text in (*list(named)[-_ERRORS:], *lines[-_TAIL:]))
