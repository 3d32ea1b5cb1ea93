"""Finds and loads the files of benchmarks, sources, recipes and figures by name or by path.

A file is its own registration. The content folders lie beside the package (`benchmarks/`, `verl_recipes/`,
`analysis/`) and travel inside the wheel as
`mmk12/_content/`. Only the requested file is imported, so a broken file cannot break the others. A user's own file
is loaded in the same way; it is code, and it is executed.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Literal

from mmk12.errors import BadInput, MissingData, UnknownName

Kind = Literal["benchmark", "source", "recipe", "figure"]

_PACKAGE = Path(__file__).resolve().parents[1]
_SUFFIXES: dict[Kind, tuple[str, ...]] = {
    "benchmark": (".py",),
    "source": (".py", ".yaml"),
    "recipe": (".yaml",),
    "figure": (".py",),
}
_FOLDERS = {"benchmark": "benchmarks", "recipe": "verl_recipes", "figure": "analysis"}


def root(kind: Kind) -> Path:
    """Returns the folder of all built-in files of this kind, in a wheel, an editable install or a clone."""
    if kind == "source":
        return _PACKAGE / "datasets" / "sources"
    packaged = _PACKAGE / "_content" / _FOLDERS[kind]
    return packaged if packaged.is_dir() else _PACKAGE.parent / _FOLDERS[kind]


def names(kind: Kind) -> list[str]:
    """Returns all built-in names of this kind, sorted. Files that start with an underscore are shared helpers."""
    return sorted(
        path.stem for path in root(kind).iterdir() if path.suffix in _SUFFIXES[kind] and not path.stem.startswith("_")
    )


def find(kind: Kind, ref: str) -> Path:
    """Returns the file of `ref`, a built-in name or a path. Raises `UnknownName` or `MissingData`."""
    if ref.endswith(_SUFFIXES[kind]) or "/" in ref:
        path = Path(ref)
        if not path.is_file():
            raise MissingData(f"No {kind} file at {path}. Built-in names: {', '.join(names(kind))}.")
        return path
    if ref not in names(kind):
        raise UnknownName(kind, ref, names(kind))
    return next(path for path in (root(kind) / f"{ref}{suffix}" for suffix in _SUFFIXES[kind]) if path.is_file())


def load_figure(ref: str) -> ModuleType:
    """Loads `analysis/<ref>.py`, or the file at path `ref`. Raises `BadInput` if it defines no function `figure`."""
    module = load_module("figure", ref)
    if not callable(getattr(module, "figure", None)):
        raise BadInput(f"{find('figure', ref)} does not define a function `figure`.")
    return module


def load_module(kind: Kind, ref: str) -> ModuleType:
    """Imports the Python file of `ref`. Raises `UnknownName`, `MissingData`, or `BadInput` if the import fails."""
    path = find(kind, ref)
    name = f"mmk12_content.{kind}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise BadInput(f"{path} is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look their module up by name
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError, NameError, AttributeError, TypeError, ValueError, LookupError) as error:
        raise BadInput(f"{path} cannot be imported: {type(error).__name__}: {error}.") from error
    return module
