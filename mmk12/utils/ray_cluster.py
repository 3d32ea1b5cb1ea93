"""Meeting a Ray cluster: a quick no where nobody is, and a way on where Ray's own words give none."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from mmk12.errors import MissingExtra, ModelError, first_line

_SECONDS = 10.0
_TOKEN = Path(".ray") / "auth_token"


def import_ray(purpose: str) -> Any:
    """The module `ray`. Raises `MissingExtra` that names `purpose` where it is not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise MissingExtra(purpose, "ray") from None
    return ray


def connection_error(address: str, reason: Exception) -> ModelError:
    """What to tell when Ray did not let us in.

    Once a machine has a token, `ray start` on it makes a cluster that asks for one, and who comes by an explicit
    address does not bring it. Both sides must have the same mode: a driver with a token in a cluster without cannot be
    called back.
    """
    way = "Start one: ray start --head"
    if "RAY_AUTH_MODE" not in os.environ and (Path.home() / _TOKEN).is_file():
        way += ". If it runs and asks for a token: --ray-address auto on one of its nodes, or RAY_AUTH_MODE=token"
    return ModelError(f"No Ray cluster answers at {address} ({first_line(reason)[:200]}). {way}")


def check_reachable(address: str) -> None:
    """Raises `ModelError` where nothing listens at `host:port` or `ray://host:port`, for which Ray itself tries for
    minutes; other addresses (`auto`) are left to Ray."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()
    except (OSError, OverflowError) as error:
        raise connection_error(address, error) from None
