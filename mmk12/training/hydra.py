"""verl's keys as its command line takes them, and its own values of those that are set here.

Keys that verl's configuration does not have by default (hydra wants a `+` before them) are those missing in
`rl_defaults.json` and `sft_defaults.json`, the part of verl's own defaults that we set; the engine tests hold both to
the installed verl.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

VERL = "0.9.1"

Keys = Mapping[str, Any]
"""verl keys, dotted, and their values."""

Trainer = Literal["rl", "sft"]
"""verl's trainers: `verl.trainer.main_ppo` and `verl.trainer.sft_trainer`."""

_PLAIN = re.compile(r"(pkg://)?[A-Za-z_/][\w./-]*")
_RESERVED = {"true", "false", "null", "nan", "inf"}


@cache
def defaults(trainer: Trainer) -> Keys:
    """verl's own values of the keys that are set here."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name(f"{trainer}_defaults.json").read_text("utf-8"))
    return found


def arguments(trainer: Trainer, keys: Keys) -> list[str]:
    """The keys as hydra's command line takes them."""
    known = defaults(trainer)
    plus = {key: "" if key in known or key.startswith("hydra.") else "+" for key in keys}
    return [f"{plus[key]}{key}={_hydra(value)}" for key, value in keys.items()]


def _hydra(value: Any) -> str:
    """A value in hydra's grammar; texts that could be read as anything else are quoted."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{','.join(map(_hydra, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_hydra(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str) and (not _PLAIN.fullmatch(value) or value.lower() in _RESERVED):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)
