"""Looks at the machine for `mmk12 doctor`: versions, extras, GPUs, the cache of the hub, disks, and what to install.

Nothing is loaded and nothing is asked over the network: PyTorch alone would take longer to import than all of this.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from mmk12._version import __version__

State = Literal["ok", "absent", "problem"]
"""`absent` is something that only some commands need, `problem` something that will fail."""

PURPOSES = {
    "hf": "models on this machine with transformers (`mmk12 demo`, --backend hf)",
    "openai": "models behind a server, and judges",
    "ray": "replicas of a model, --replicas",
    "analysis": "TensorBoard logs in `mmk12 plot`",
    "convert": "InternLM2 checkpoints in `mmk12 convert`",
    "gpu": "training with verl, --backend vllm",
    "released": "the released_* profiles",
}
"""The extras that a user may want, and what for."""
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9_.-]+)(?:\[[^]]*\])?(?P<limits>[^;]*)(?:;(?P<marker>.*))?")
_LOW_DISK = 20e9
_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: its name, its state, what was found, and what to do (empty: nothing)."""

    name: str
    state: State
    found: str
    advice: str = ""


def examine(folder: Path) -> list[Finding]:
    """Examines this machine; `folder` is where runs would be written."""
    return [
        Finding("mmk12", "ok", __version__),
        Finding("python", "ok", f"{platform.python_version()}, {platform.system()} {platform.machine()}"),
        *_examine_extras(),
        *_examine_gpus(),
        _examine_hub(),
        *_examine_disks(folder),
    ]


def _examine_extras() -> Iterator[Finding]:
    needed = _read_requirements()
    for extra, purpose in PURPOSES.items():
        missing, versions = list[str](), list[str]()
        for name, limits in needed.get(extra, []):
            version = _find_version(name)
            if version is None:
                missing.append(name)
            elif not _fits(version, limits):
                missing.append(f"{name}{limits} (here: {version})")
            else:
                versions.append(f"{name} {version}")
        if missing:
            found = f"missing: {', '.join(missing)}"
            yield Finding(f"extra [{extra}]", "absent", found, f"for {purpose}: pip install 'mmk12[{extra}]'")
        else:
            yield Finding(f"extra [{extra}]", "ok", ", ".join(versions) or "nothing is needed on this Python")


def _read_requirements() -> dict[str, list[tuple[str, str]]]:
    """Returns {extra: [(package, version limits)]} of the installed package, for this Python."""
    from packaging.markers import Marker

    needed: dict[str, list[tuple[str, str]]] = {}
    for text in metadata.requires("mmk12") or []:
        match = _REQUIREMENT.match(text)
        if match is None or not match["marker"]:
            continue
        for extra in PURPOSES:
            if "extra" in match["marker"] and Marker(match["marker"]).evaluate({"extra": extra}):
                needed.setdefault(extra, []).append((match["name"], match["limits"].strip()))
    return needed


def _find_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _fits(version: str, limits: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(limits).contains(version, prereleases=True)


def _examine_gpus() -> Iterator[Finding]:
    program = shutil.which("nvidia-smi")
    if program is None:
        yield Finding("GPU", "absent", "no NVIDIA driver", "models run on the CPU; training of real models needs a GPU")
        return
    query = [program, "--query-gpu=name,memory.total,memory.used,driver_version", "--format=csv,noheader"]
    try:
        asked = subprocess.run(query, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding("GPU", "problem", f"nvidia-smi fails: {error}", "repair the driver: run nvidia-smi")
        return
    for number, line in enumerate(filter(None, asked.stdout.splitlines())):
        name, total, used, driver = (part.strip() for part in line.split(","))
        yield Finding(f"GPU {number}", "ok", f"{name}, {total}, {used} in use, driver {driver}")


def _examine_hub() -> Finding:
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    entries = list(cache.iterdir()) if cache.is_dir() else []
    counts = [f"{sum(entry.name.startswith(kind) for entry in entries)} {kind}" for kind in ("models", "datasets")]
    found = f"{cache}: {', '.join(counts)}" + ("; offline (HF_HUB_OFFLINE)" if constants.HF_HUB_OFFLINE else "")
    nearest = next(path for path in (cache, *cache.parents) if path.exists())
    if not os.access(nearest, os.W_OK):
        return Finding("hub cache", "problem", f"{found}; not writable", "set HF_HOME to a folder that you can write")
    return Finding("hub cache", "ok", found)


def _examine_disks(folder: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    found = f"{free / 1e9:.0f} GB free in {folder.resolve()}"
    if not os.access(folder, os.W_OK):
        yield Finding("disk", "problem", f"{found}; not writable", "go to a folder that you can write, or give --out")
    elif free < _LOW_DISK:
        yield Finding("disk", "problem", found, "a checkpoint of 8B parameters with its optimizer takes about 100 GB")
    else:
        yield Finding("disk", "ok", found)
