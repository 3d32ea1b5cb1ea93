"""Writes verl's whole default configuration into mmk12/training, so that a misspelt key is found without verl.

Usage, where the supported verl is installed: `python -m tools.verl_defaults mmk12/training`. For each trainer:

    rl_defaults.json     {key: default} of the composed configuration (`verl/trainer/config/*.yaml`)
    rl_fields.json       {key: default} of the dataclass fields that the configuration does not list

An engine test fails if the files are not those of the installed verl.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmk12.utils import storage

TRAINERS = {"rl": "ppo_trainer", "sft": "sft_trainer_engine"}
"""Our name of each trainer, and verl's of its configuration."""


def read_configuration(trainer: str) -> dict[str, Any]:
    """Returns every key of a trainer's composed configuration, dotted, with its default. Needs verl."""
    from hydra import compose, initialize_config_module
    from omegaconf import OmegaConf

    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose(TRAINERS[trainer])
    names = _flatten(OmegaConf.to_container(config, resolve=False))
    return {name: _to_plain(_select(config, name)) for name in sorted(names)}


def read_fields(defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the fields of verl's dataclasses that the configuration does not list, with their defaults."""
    fields: dict[str, Any] = {}
    for key, target in defaults.items():
        if not key.endswith("._target_") or not isinstance(target, str):
            continue
        place = key.removesuffix("._target_")
        module, _, name = target.rpartition(".")
        for field in dataclasses.fields(getattr(importlib.import_module(module), name)):
            known = f"{place}.{field.name}"
            if field.init and not field.name.startswith("_") and not _is_listed(known, defaults):
                fields[known] = _to_plain(_default(field))
    return dict(sorted(fields.items()))


def _flatten(value: Mapping[str, Any], prefix: str = "") -> list[str]:
    names: list[str] = []
    for key, inner in value.items():
        inside = isinstance(inner, dict) and inner
        names += _flatten(inner, f"{prefix}{key}.") if inside else [f"{prefix}{key}"]
    return names


def _select(config: Any, name: str) -> Any:
    from omegaconf import OmegaConf

    parent, _, last = name.rpartition(".")
    place = OmegaConf.select(config, parent) if parent else config
    return "???" if OmegaConf.is_missing(place, last) else OmegaConf.select(config, name)


def _is_listed(name: str, defaults: Mapping[str, Any]) -> bool:
    return name in defaults or any(key.startswith(f"{name}.") for key in defaults)


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return field.default_factory() if field.default_factory is not dataclasses.MISSING else "???"


def _to_plain(value: Any) -> Any:
    """Returns a value as JSON has it; an object of verl's own as an empty mapping, whose fields are not listed."""
    from omegaconf import OmegaConf

    if OmegaConf.is_config(value):
        value = OmegaConf.to_container(value)
    if isinstance(value, list | tuple):
        return [_to_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _to_plain(item) for key, item in value.items()}
    return value if value is None or isinstance(value, bool | int | float | str) else {}


def main(folder: Path) -> None:
    """Writes the files of all trainers into `folder`."""
    for trainer in TRAINERS:
        defaults = read_configuration(trainer)
        storage.write_json(folder / f"{trainer}_defaults.json", defaults)
        storage.write_json(folder / f"{trainer}_fields.json", read_fields(defaults))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
