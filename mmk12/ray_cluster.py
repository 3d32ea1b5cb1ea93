"""Meeting a Ray cluster: what has to be settled before Ray is imported, and a quick no where nobody is."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from mmk12.errors import MissingExtra, ModelError

_SECONDS = 10.0
_TOKEN = Path(".ray") / "auth_token"


def imported(purpose: str) -> Any:
    """The module `ray`. Raises `MissingExtra` that names `purpose` where it is not installed.

    Once a machine has a token, `ray start` makes a cluster that asks for it, and `ray.init(address=…)` does not bring
    it, unless it is told so before the import; clusters that ask for none do not mind.
    """
    if (Path.home() / _TOKEN).is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise MissingExtra(purpose, "ray") from None
    return ray


def knock(address: str) -> None:
    """Raises `ModelError` where nothing listens at `host:port` or `ray://host:port`, for which Ray itself tries for
    minutes; other addresses (`auto`) are left to Ray."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ModelError(f"No Ray cluster answers at {address} ({error}). Start one: ray start --head") from None
