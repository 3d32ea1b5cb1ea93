"""The base of everything that is read from YAML: no key that is not declared, nothing changed after reading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from mmk12.errors import BadRecipe


class FrozenModel(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# YAML from people we do not know: plain mappings only, and nothing that costs more to read than it looks.


MAX_BYTES = 65_536
"""A file is read up to this size; our recipes are near one kilobyte."""
MAX_DEPTH = 16

_OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


def read_yaml_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file. Raises `BadRecipe` with the file's name."""
    with open(path, "rb") as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise BadRecipe(f"{path.name} is larger than {MAX_BYTES:,} bytes, so it is no recipe.")
    try:
        text = data.decode("utf-8")
        _refuse_bombs(text, path)
        _refuse_repeats(yaml.compose(text, Loader=yaml.SafeLoader), path)
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: an impossible date, or not UTF-8
        raise BadRecipe(f"{path.name} is not valid YAML: {' '.join(str(error).split())[:300]}.") from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise BadRecipe(f"{path.name} does not hold 'key: value' lines.")
    return value


def _refuse_bombs(text: str, path: Path) -> None:
    """Stops before YAML that costs more than its size: a kilobyte of aliases can stand for a gigabyte, and the
    scanner's time is quadratic in the depth of brackets."""
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken):
            raise BadRecipe(f"{path.name}: YAML aliases (*name) are not read; use 'extends' to share settings.")
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > MAX_DEPTH:
            raise BadRecipe(f"{path.name}: more than {MAX_DEPTH} levels of lists and mappings.")


def _refuse_repeats(node: yaml.Node | None, path: Path) -> None:
    """YAML keeps the last of two equal keys; in a recipe that would silently drop a setting."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                raise BadRecipe(f"{path.name}: the key '{key.value}' stands twice.")
            if isinstance(key, yaml.ScalarNode):
                seen.add(key.value)
            _refuse_repeats(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_repeats(value, path)
