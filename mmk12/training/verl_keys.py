"""Knows every key of verl's trainers: its default, whether it exists, and how hydra's command line sets it.

verl's whole default configuration is data: `rl_defaults.json` and `rl_fields.json` (and the same for `sft`) are written
by `tools/verl_defaults.py` from the supported verl, so a misspelt key is refused here, before a cluster is taken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from rapidfuzz import fuzz, process

from mmk12.errors import BadRecipe

Keys = Mapping[str, Any]
"""verl keys, dotted, and their values."""

Trainer = Literal["rl", "sft"]
"""verl's trainers: `verl.trainer.main_ppo` and `verl.trainer.sft_trainer`."""

_PLAIN = re.compile(r"(pkg://)?[A-Za-z_/][\w./-]*")
_RESERVED = {"true", "false", "null", "nan", "inf"}
_SIMILAR = 60
"""Share of characters in percent from which another key is offered."""
_OUTSIDE = ("hydra.", "mmk12.", "actor_rollout_ref.mmk12.")
"""Keys that are not verl's: hydra's own, and those of the plugin."""


@cache
def read_defaults(trainer: Trainer) -> Keys:
    """Returns all keys of verl's configuration with their defaults."""
    return _read(f"{trainer}_defaults")


@cache
def read_fields(trainer: Trainer) -> Keys:
    """Returns the fields of verl's dataclasses that its configuration does not list, with their defaults."""
    return _read(f"{trainer}_fields")


def _read(name: str) -> Keys:
    keys: dict[str, Any] = json.loads(Path(__file__).with_name(f"{name}.json").read_text("utf-8"))
    return keys


@cache
def _list_open_mappings(trainer: Trainer) -> tuple[str, ...]:
    """Returns the keys that may have any keys below them: mappings that are empty by default."""
    keys = {**read_fields(trainer), **read_defaults(trainer)}
    return tuple(f"{key}." for key, default in keys.items() if default == {})


@cache
def _list_groups(trainer: Trainer) -> frozenset[str]:
    """Returns the keys above others, which may be set as a whole."""
    keys = (*read_fields(trainer), *read_defaults(trainer))
    return frozenset(
        ".".join(parts[:end]) for parts in (key.split(".") for key in keys) for end in range(1, len(parts))
    )


def check_keys(trainer: Trainer, keys: Iterable[str]) -> None:
    """Raises `BadRecipe` for the first key that verl does not have, with the nearest one that it has."""
    known = {*read_defaults(trainer), *read_fields(trainer), *_list_groups(trainer)}
    for key in keys:
        if key in known or key.startswith((*_OUTSIDE, *_list_open_mappings(trainer))):
            continue
        raise BadRecipe(f"overrides: {_describe_unknown(key, known)}")


def _describe_unknown(key: str, known: set[str]) -> str:
    """Names the nearest key: one with the same last word in a similar place, else one that is spelt alike."""
    last = key.rpartition(".")[2]
    elsewhere = [one for one in known if one.rpartition(".")[2] == last]
    nearest = process.extractOne(key, sorted(elsewhere), scorer=fuzz.ratio, score_cutoff=_SIMILAR)
    if nearest is not None:
        return f"verl has no key '{key}'. Did you mean '{nearest[0]}'?"
    similar = process.extractOne(key, sorted(known), scorer=fuzz.ratio, score_cutoff=_SIMILAR)
    meant = f" Did you mean '{similar[0]}'?" if similar else ""
    return f"verl has no key '{key}'.{meant} All keys: mmk12/training/{{rl,sft}}_defaults.json"


def hydra_arguments(trainer: Trainer, keys: Keys) -> list[str]:
    """Returns the keys as arguments of hydra's command line.

    hydra refuses a key that its configuration does not list, so such a key gets `++`, which sets it in any case.
    """
    listed = {*read_defaults(trainer), *_list_groups(trainer)}
    prefix = {key: "" if key in listed or key.startswith("hydra.") else "++" for key in keys}
    return [f"{prefix[key]}{key}={_format_value(value)}" for key, value in keys.items()]


def _format_value(value: Any) -> str:
    """Returns a value in hydra's grammar; a text that hydra would read as another type is quoted."""
    if value is None:
        return "null"
    if isinstance(value, list):
        return f"[{','.join(map(_format_value, value))}]"
    if isinstance(value, dict):
        return "{" + ",".join(f"{key}:{_format_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str) and (not _PLAIN.fullmatch(value) or value.lower() in _RESERVED):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value)
