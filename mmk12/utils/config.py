"""Reads YAML settings: recipes, with plain mappings, no unknown keys and bounded size.

Recipes are trusted: `sources` may name a Python file, which is executed, so run a recipe only if you would run its
author's code. The bounds here guard against accidents (a wrong or generated file, repeated keys), not against attacks.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from mmk12.errors import BadRecipe


class FrozenModel(BaseModel):
    """Base of validated settings: immutable, unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
        raise BadRecipe(f"{path.name} is larger than {MAX_BYTES:,} bytes, so it is not a recipe.")
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
