"""Reads a recipe file: merges what it extends, sets overrides, and names the key of every error."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from mmk12.errors import BadRecipe
from mmk12.recipes.schema import Recipe
from mmk12.utils import content
from mmk12.utils.config import read_yaml_mapping, validate_settings

MAX_PARENTS = 8
"""How many recipes may extend each other in a chain."""

_MAX_VALUE_CHARS = 1000
_OLD_KEYS = {"profile.prompt": "prompt", "profile.reward": "reward.profile"}
"""Keys of release 0.1.0 and their names of today. They go with release 0.3.0."""


def load_recipe(ref: str) -> Recipe:
    """Returns the recipe of that built-in name, or of the file at path `ref`, merged with the recipes that it extends.

    Mappings are merged key by key, the child wins, and `null` removes a key of the parent.
    Raises `UnknownName`, `MissingData` or `BadRecipe`.
    """
    path = content.find("recipe", ref)
    merged = _merge_parents(path, parents=0)
    return _validate({**merged, "name": path.stem}, path.name)


def apply_overrides(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """Returns the recipe with `key=value` pairs set, such as `train.kl=0.01`; values are YAML.

    What follows `overrides.` is one verl key, with its dots. Raises `BadRecipe`.
    """
    value = recipe.model_dump()
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not key:
            raise BadRecipe(f"'{change}' is not KEY=VALUE, such as train.kl=0.01.")
        if key in _OLD_KEYS:
            _warn_old_key("the command line", key)
            key = _OLD_KEYS[key]
        try:
            new = yaml.safe_load(text) if len(text) < _MAX_VALUE_CHARS else text
        except yaml.YAMLError:
            raise BadRecipe(f"The value of '{change}' cannot be read. Quote it as in YAML.") from None
        section, _, name = key.partition(".")
        *path, last = [section, name] if section == "overrides" and name else key.split(".")
        place = value
        for part in path:
            place[part] = place[part] if isinstance(place.get(part), dict) else {}
            place = place[part]
        place[last] = new
    return _validate(value, "the command line")


def rename_old_keys(recipe: dict[str, Any]) -> dict[str, Any]:
    """Returns `recipe` with the keys that older releases wrote under their names of today.

    For a recipe file or the resolved.yaml of a run: `profile: {prompt, reward}` is now `prompt` and `reward.profile`,
    and `freeze_vision` is a word. Raises `BadRecipe` where `profile` is not such a mapping, or stands beside a key that
    replaces it.
    """
    recipe = {key: _name_frozen(value) if key in ("train", "sft") else value for key, value in recipe.items()}
    if "profile" not in recipe:
        return recipe
    old = recipe["profile"]
    if old is None:
        old = {"prompt": None, "reward": None}
    if not isinstance(old, dict) or not old.keys() <= {"prompt", "reward"}:
        raise BadRecipe("profile: write 'prompt: NAME' and 'reward: {profile: NAME}' instead.")
    if "prompt" in recipe or "reward" in recipe:
        raise BadRecipe("profile: is the old name of 'prompt' and 'reward', which are there, too. Remove it.")
    renamed = {key: value for key, value in recipe.items() if key != "profile"}
    if "prompt" in old:
        renamed["prompt"] = old["prompt"]
    if "reward" in old:
        renamed["reward"] = {"profile": old["reward"]}
    return renamed


def _name_frozen(section: Any) -> Any:
    """Returns a `train` or `sft` section with `freeze_vision` by its word; it was true or false once."""
    if not isinstance(section, dict) or not isinstance(section.get("freeze_vision"), bool):
        return section
    return {**section, "freeze_vision": "tower" if section["freeze_vision"] else "none"}


def _warn_old_key(where: str, key: str) -> None:
    message = f"{where}: '{key}' is the old name of 'prompt' and 'reward.profile'; it goes with release 0.3.0"
    warnings.warn(message, DeprecationWarning, stacklevel=3)


def _validate(value: dict[str, Any], where: str) -> Recipe:
    return validate_settings(Recipe, value, where, also=("extends",), but=("name",))


def _merge_parents(path: Path, parents: int) -> dict[str, Any]:
    if parents > MAX_PARENTS:
        raise BadRecipe(f"{path.name}: circular 'extends', or a chain of more than {MAX_PARENTS} files.")
    own = read_yaml_mapping(path)
    if "name" in own:
        raise BadRecipe(f"{path.name}: unknown key 'name'. The file's name is the recipe's name.")
    if "profile" in own:
        _warn_old_key(path.name, "profile")
    try:
        own = rename_old_keys(own)
    except BadRecipe as error:
        raise BadRecipe(f"{path.name}: {error}") from None
    parent = own.pop("extends", None)
    if parent is None:
        return _overlay({}, own)
    if not isinstance(parent, str):
        raise BadRecipe(f"{path.name}: 'extends' is the name of a recipe or a path to its file, not {parent!r}.")
    is_path = "/" in parent or parent.endswith(".yaml")
    parent_path = content.find("recipe", str(path.parent / parent) if is_path else parent)
    return _overlay(_merge_parents(parent_path, parents + 1), own)


def _overlay(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    merged = dict(parent)
    for key, value in child.items():
        if isinstance(value, dict):
            inherited = merged.get(key)
            merged[key] = _overlay(inherited if isinstance(inherited, dict) else {}, value)
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged
