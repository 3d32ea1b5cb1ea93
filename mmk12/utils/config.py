"""Reads YAML settings (recipes, sources): plain mappings, no unknown keys, bounded size, errors that name the key.

Recipes are trusted: `sources` may name a Python file, which is executed, so run a recipe only if you would run its
author's code. The bounds here guard against accidents (a wrong or generated file, repeated keys), not against attacks.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Collection
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from mmk12.errors import BadRecipe


class FrozenModel(BaseModel):
    """Base of validated settings: immutable, unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=BaseModel)

MAX_BYTES = 65_536
"""Largest file; our recipes have about 1,000 bytes."""
MAX_DEPTH = 16
"""Deepest nesting of lists and mappings."""

_OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


def read_yaml_mapping(path: Path) -> dict[str, Any]:
    """Returns the mapping in a YAML file. Raises `BadRecipe` with the file's name."""
    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise BadRecipe(f"{path.name} is larger than {MAX_BYTES:,} bytes, so it is no file of settings.")
    try:
        text = data.decode("utf-8")
        _check_aliases_and_depth(text, path)
        _check_duplicate_keys(yaml.compose(text, Loader=yaml.SafeLoader), path)
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an impossible date, or not UTF-8
        raise BadRecipe(f"{path.name} is not valid YAML: {' '.join(str(error).split())[:300]}.") from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise BadRecipe(f"{path.name} does not hold 'key: value' lines.")
    return value


def _check_aliases_and_depth(text: str, path: Path) -> None:
    """Raises `BadRecipe` for YAML that is much more expensive to load than its size suggests.

    A kilobyte of aliases can expand to a gigabyte, and the scanner is quadratic in the depth of brackets.
    """
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            raise BadRecipe(f"{path.name}: YAML aliases (*name) are not supported; use 'extends' to share settings.")
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > MAX_DEPTH:
            raise BadRecipe(f"{path.name}: more than {MAX_DEPTH} levels of lists and mappings.")


def _check_duplicate_keys(node: yaml.Node | None, path: Path) -> None:
    """Raises `BadRecipe` for a duplicate key: YAML would keep the last one and silently drop a setting."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise BadRecipe(f"{path.name}: line {key.start_mark.line + 1} has a list or mapping as a key.")
            if key.value in seen:
                raise BadRecipe(f"{path.name}: duplicate key '{key.value}'.")
            seen.add(key.value)
            _check_duplicate_keys(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_duplicate_keys(value, path)


def validate_settings(
    model: type[Model], value: dict[str, Any], where: str, also: Collection[str] = (), but: Collection[str] = ()
) -> Model:
    """Returns `value` as a `model`. `also` are keys of a file that are no field, `but` are fields that are no key.

    Raises `BadRecipe` with a sentence per fault, which names `where`, the key, and for an unknown key the nearest one.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        faults = []
        for problem in error.errors():
            path = problem["loc"]
            keys = _known_keys(model, path[:-1]) | (set(also) if len(path) == 1 else set())
            faults.append(_describe_fault(path, problem["type"], problem["msg"], sorted(keys - set(but))))
        raise BadRecipe(f"{where}: {' '.join(dict.fromkeys(faults))}") from None


def _describe_fault(path: tuple[int | str, ...], kind: str, message: str, known: list[str]) -> str:
    """Returns one error of pydantic as a sentence; `path` is its path of keys, `known` what may stand there."""
    key = ".".join(str(part) for part in path if part not in ("constrained-int", "literal['all']"))
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.5)
        return f"Unknown key '{key}'." + (f" Did you mean '{near[0]}'?" if near else f" Known: {', '.join(known)}.")
    if kind == "missing":
        return f"The key '{key}' is missing."
    return f"{key and f'{key}: '}{message.removeprefix('Value error, ').rstrip('.')}."


def _known_keys(model: Any, path: tuple[int | str, ...]) -> set[str]:
    """Returns the keys that are allowed at a path of settings; none where it leads to no mapping of fields."""
    for part in path:
        model = typing.get_type_hints(model).get(str(part)) if hasattr(model, "model_fields") else None
        if isinstance(model, types.UnionType):
            model = typing.get_args(model)[0]
    return set(getattr(model, "model_fields", ()))
