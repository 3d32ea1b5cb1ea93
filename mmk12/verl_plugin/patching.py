"""Guarded monkey patching: a patch is applied when its module is imported, after a check of the signature.

A patch that waits for the import loads nothing itself, and every later `from module import name` gets the new object.
A function whose parameters are not those that the patch was written for is an error.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import inspect
import sys
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from mmk12._version import VERL
from mmk12.errors import Mmk12Error

Patch = Callable[[Any], None]
"""Changes the module that it gets as its argument."""


class PatchError(Mmk12Error):
    """The installed trainer is not the one that the plugin was written for, or the plugin is off."""


def patch_when_imported(name: str, patch: Patch, *, late: bool = False) -> None:
    """Applies `patch` to the module `name` right after it is imported.

    If it is imported already, raises `PatchError`, because other modules may hold the object that the patch replaces.
    With `late` the patch is then applied at once: for functions that their callers look up in the module at each call.
    """
    if name in sys.modules:
        if not late:
            raise PatchError(f"{name} was imported before the mmk12 plugin. Is verl told not to load its plugins?")
        patch(sys.modules[name])
        return
    if not any(isinstance(finder, _Watcher) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Watcher())
    _waiting.setdefault(name, []).append(patch)


def replace_method(owner: Any, name: str, parameters: Sequence[str], build: Callable[[Any], Any]) -> None:
    """Sets `owner.name` to `build(original)`. Raises `PatchError` unless the original takes exactly `parameters`."""
    original: Any = getattr(owner, name, None)
    actual = list(inspect.signature(original).parameters) if callable(original) else None
    if actual != list(parameters):
        where = f"{getattr(owner, '__module__', '')}.{owner.__name__}.{name}".lstrip(".")
        problem = "does not exist" if actual is None else f"takes ({', '.join(actual)})"
        raise PatchError(f"{where} {problem}, not ({', '.join(parameters)}). Install verl=={VERL}.")
    # verl keeps the dispatch mode of a method in attributes of the function.
    setattr(owner, name, functools.wraps(original)(build(original)))


_waiting: dict[str, list[Patch]] = {}


class _Watcher(importlib.abc.MetaPathFinder):
    """Finds modules like the other finders, and applies the patches that wait for them."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name not in _waiting:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        spec = next(filter(None, (finder.find_spec(name, path, target) for finder in others)), None)
        if spec is not None and spec.loader is not None:
            _patch_after(spec.loader, name)
        return spec


def _patch_after(loader: Any, name: str) -> None:
    original = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        original(module)
        for patch in _waiting.pop(name, ()):
            patch(module)

    loader.exec_module = exec_module
