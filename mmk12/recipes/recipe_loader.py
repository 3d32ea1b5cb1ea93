"""Reads a recipe file: `extends`, overrides, validation with the key and the line of an error."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mmk12.errors import BadRecipe
from mmk12.recipes.schema import Recipe
from mmk12.utils import content
from mmk12.utils.config import read_yaml_mapping

MAX_PARENTS = 8


_LONGEST_VALUE = 1000


def load_recipe(ref: str) -> Recipe:
    """The recipe of that built-in name, or in the file at path `ref`, on top of what it extends.

    Mappings are merged key by key, the child wins, and `null` takes a key of the parent away.
    Raises `UnknownName`, `MissingData` or `BadRecipe`.
    """
    path = content.find("recipe", ref)
    merged = _merge_parents(path, parents=0)
    return _validate({**merged, "name": path.stem}, path.name)


def apply_overrides(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """The recipe with `key=value` pairs set, such as `train.kl=0.01`; values are YAML. Raises `BadRecipe`.

    What follows `overrides.` is one verl key, with its dots.
    """
    value = recipe.model_dump()
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not key:
            raise BadRecipe(f"'{change}' is not KEY=VALUE, such as train.kl=0.01.")
        try:
            new = yaml.safe_load(text) if len(text) < _LONGEST_VALUE else text
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


def _validate(value: dict[str, Any], where: str) -> Recipe:
    try:
        return Recipe.model_validate(value)
    except ValidationError as error:
        told = [_describe_errors(problem["loc"], problem["type"], problem["msg"]) for problem in error.errors()]
        raise BadRecipe(f"{where}: {' '.join(dict.fromkeys(told))}") from None


def _merge_parents(path: Path, parents: int) -> dict[str, Any]:
    if parents > MAX_PARENTS:
        raise BadRecipe(f"{path.name}: 'extends' goes round in a circle, or more than {MAX_PARENTS} files deep.")
    own = read_yaml_mapping(path)
    if "name" in own:
        raise BadRecipe(f"{path.name}: unknown key 'name'. The file's name is the recipe's name.")
    parent = own.pop("extends", None)
    if parent is None:
        return _overlay({}, own)
    if not isinstance(parent, str):
        raise BadRecipe(f"{path.name}: 'extends' is the name of a recipe or a path to its file, not {parent!r}.")
    beside = "/" in parent or parent.endswith(".yaml")
    found = content.find("recipe", str(path.parent / parent) if beside else parent)
    return _overlay(_merge_parents(found, parents + 1), own)


def _overlay(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, dict):
            inherited = merged.get(key)
            merged[key] = _overlay(inherited if isinstance(inherited, dict) else {}, value)
        elif value is None:
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged


def _describe_errors(where: tuple[int | str, ...], kind: str, message: str) -> str:
    """One pydantic complaint in our words; `where` is its path of keys."""
    key = ".".join(str(part) for part in where if part not in ("constrained-int", "literal['all']"))
    if kind == "extra_forbidden":
        known = _known_keys(where[:-1])
        near = difflib.get_close_matches(str(where[-1]), known, n=1, cutoff=0.5)
        return f"Unknown key '{key}'." + (f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(known)}.")
    if kind == "missing":
        return f"The key '{key}' is missing."
    return f"{key}: {message.removeprefix('Value error, ').rstrip('.')}."


def _known_keys(where: tuple[int | str, ...]) -> list[str]:
    """The keys that are known at a path of a recipe."""
    model: Any = Recipe
    for part in where:
        model = typing.get_type_hints(model)[str(part)]
        if isinstance(model, types.UnionType):
            model = typing.get_args(model)[0]
    return sorted({*model.model_fields, *(("extends",) if model is Recipe else ())} - {"name"})
