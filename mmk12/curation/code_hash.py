"""Hashes the code that decides a result: a module, and every module of this package that it imports.

A stored result is reused only while this hash stays the same. Comments, docstrings, formatting and modules that are not
imported are not part of it. So an edited command line keeps every result, and an edited rule of the verifier
invalidates those results, and only those, whose code imports that rule.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from mmk12.utils.config import read_yaml_mapping
from mmk12.utils.fingerprint import hash_json

PACKAGE = Path(__file__).resolve().parents[1]
"""The folder of the package `mmk12`, whose files are hashed."""
LIBRARIES = {
    "PIL": "pillow",
    "datasets": "datasets",
    "datasketch": "datasketch",
    "latex2sympy2_extended": "latex2sympy2-extended",
    "math_verify": "math-verify",
    "numpy": "numpy",
    "pyarrow": "pyarrow",
    "rapidfuzz": "rapidfuzz",
    "sympy": "sympy",
}
"""Libraries whose version decides results, by import name, with the name of their distribution."""

_READER = f"{PACKAGE.name}.datasets.column_source"
_UNUSED = f"{PACKAGE.name}._version"
"""The module that is not hashed: the version number changes with every release, and decides no result."""


class _Code(NamedTuple):
    """What one file contributes: the hash of its statements, and what it imports as (module, name)."""

    digest: str
    imports: tuple[tuple[str, str], ...]


def hash_code(*roots: str | Path) -> str:
    """Returns the sha256, in hexadecimal, of the code that `roots` consist of.

    A root is a module of this package (`"mmk12.curation.filters"`) or a Python file outside of it, such as a benchmark
    declaration, or a YAML file, which counts with its keys and the module that reads it. Imports inside functions
    count. `from mmk12.verifier import verify_many` depends on the module that
    defines `verify_many`, not on everything that `mmk12.verifier` re-exports. The versions of the imported `LIBRARIES`
    are part of the hash. Code that is found by name while the program runs is not seen: pass its file as another root.
    The hash may differ between minor versions of Python, whose syntax trees and Unicode tables differ.
    """
    modules, libraries = _collect(roots)
    digests = {name: code.digest for name, code in modules.items()}
    return hash_json(sorted(digests.items()), {name: _version(name) for name in sorted(libraries)})


def find_dependencies(*roots: str | Path) -> list[str]:
    """Returns the names of the modules of this package that `roots` depend on, themselves included, sorted."""
    return sorted(name for name in _collect(roots)[0] if name.startswith(PACKAGE.name))


def _collect(roots: tuple[str | Path, ...]) -> tuple[dict[str, _Code], set[str]]:
    """The code of all modules that the roots depend on, and the import names of the libraries in it."""
    modules: dict[str, _Code] = {}
    libraries: set[str] = set()
    # Files may have equal names, and their folders differ from machine to machine: they go by their number.
    waiting = [
        (root, _locate(root)) if isinstance(root, str) else (f"file {number}", root)
        for number, root in enumerate(roots)
    ]
    while waiting:
        name, path = waiting.pop()
        if path is None:
            raise ModuleNotFoundError(f"no module {name} in {PACKAGE}")
        if name in modules or name == _UNUSED:
            continue
        modules[name] = code = _read_keys(path) if path.suffix == ".yaml" else _parse(path.read_text("utf-8"))
        for module, imported in code.imports:
            top = module.partition(".")[0]
            if top == PACKAGE.name:
                target = _resolve(module, imported)
                waiting.append((target, _locate(target)))
            elif top in LIBRARIES:
                libraries.add(top)
    return modules, libraries


def _resolve(module: str, name: str) -> str:
    """The module that `from module import name` depends on: a submodule, where `name` is defined, or `module`."""
    if not name:
        return module
    if _locate(f"{module}.{name}") is not None:
        return f"{module}.{name}"
    path = _locate(module)
    if path is not None and path.name == "__init__.py":
        for source, exported in _parse(path.read_text("utf-8")).imports:
            if exported == name and source != module and source.partition(".")[0] == PACKAGE.name:
                return _resolve(source, name)
    return module


def _locate(module: str) -> Path | None:
    """The file of a module of this package, or None where there is none."""
    base = PACKAGE.joinpath(*module.split(".")[1:])
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


def _read_keys(path: Path) -> _Code:
    """The code of a source in YAML: its keys, and the module that reads them."""
    return _Code(hash_json(read_yaml_mapping(path)), ((_READER, ""),))


@lru_cache(maxsize=1024)
def _parse(text: str) -> _Code:
    """The code of one file, without what does not run."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [one for one in body if not _is_text(one)]
    digest = hashlib.sha256(ast.dump(tree).encode("utf-8", "surrogatepass")).hexdigest()
    return _Code(digest, tuple(_find_imports(tree)))


def _is_text(node: ast.stmt) -> bool:
    """Whether a statement is a bare string: the docstring of a module, class, function or variable."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _find_imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def _version(library: str) -> str | None:
    """The installed version; None where the library is an extra that is not installed."""
    return metadata.version(LIBRARIES[library]) if find_spec(library) is not None else None
