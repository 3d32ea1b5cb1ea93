"""Connects to a Ray cluster; fails fast if nothing listens, with instructions that Ray's own errors lack."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from mmk12.errors import MissingExtra, ModelError, first_line

_SECONDS = 10.0
"""Longest wait for a connection."""
_TOKEN = Path(".ray") / "auth_token"


def import_ray(purpose: str) -> Any:
    """Returns the module `ray`. Raises `MissingExtra`, naming `purpose`, if it is not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise MissingExtra(purpose, "ray") from None
    return ray


def connection_error(address: str, reason: Exception) -> ModelError:
    """Returns the error for a failed connection to Ray, with the likely fix.

    On a machine that has a token, `ray start` makes a cluster that requires one, but a driver that connects by an
    explicit address does not send it. Both sides must use the same mode: a cluster without a token cannot call back a
    driver with one.
    """
    advice = "Start one: ray start --head"
    if "RAY_AUTH_MODE" not in os.environ and (Path.home() / _TOKEN).is_file():
        advice += ". If it runs and asks for a token: --ray-address auto on one of its nodes, or RAY_AUTH_MODE=token"
    return ModelError(f"No Ray cluster answers at {address} ({first_line(reason)[:200]}). {advice}")


def check_reachable(address: str) -> None:
    """Raises `ModelError` if nothing listens at `host:port` or `ray://host:port`.

    Ray itself would try for minutes. Other addresses (`auto`) are left to Ray.
    """
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()
    except (OSError, OverflowError) as error:
        raise connection_error(address, error) from None
