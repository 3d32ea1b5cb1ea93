"""Changing a library at run time without fooling oneself.

A patch waits until its module is imported, so that nothing heavy is imported for its sake and every later
`from module import name` sees the new object. A target whose parameters are not those of the version that the patch
was written for is an error, not a guess.
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

from mmk12.errors import Mmk12Error

Patch = Callable[[Any], None]
"""Changes the module that it is given."""


class PatchError(Mmk12Error):
    """The trainer that is installed is not the one that the plugin was written for, or the plugin is off."""


def patch_when_imported(name: str, patch: Patch, *, late: bool = False) -> None:
    """Has `patch` change the module `name` right after it is imported.

    Raises `PatchError` if it already was, because others may hold what the patch would replace. With `late` the patch
    is made at once then: for targets that are looked up in their module at each call.
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
    found = list(inspect.signature(original).parameters) if callable(original) else None
    if found != list(parameters):
        where = f"{getattr(owner, '__module__', '')}.{owner.__name__}.{name}".lstrip(".")
        has = "does not exist" if found is None else f"takes ({', '.join(found)})"
        raise PatchError(f"{where} {has}, not ({', '.join(parameters)}). Install verl==0.9.1.")
    # verl keeps how a method is dispatched in the function's own attributes.
    setattr(owner, name, functools.wraps(original)(build(original)))


_waiting: dict[str, list[Patch]] = {}


class _Watcher(importlib.abc.MetaPathFinder):
    """Finds modules as the finders behind it do, and adds the patches that wait for one."""

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
