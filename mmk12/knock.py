"""Whether anyone listens at the address of a Ray cluster: Ray itself tries for minutes before it says no."""

from __future__ import annotations

import socket

from mmk12.errors import ModelError

_SECONDS = 10.0


def knock(address: str) -> None:
    """Raises `ModelError` where nothing listens at `host:port` or `ray://host:port`; other addresses (`auto`) are left
    to Ray."""
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()
    except (OSError, OverflowError) as error:
        raise ModelError(f"No Ray cluster answers at {address} ({error}). Start one: ray start --head") from None
