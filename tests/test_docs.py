"""The lists of modules in package docstrings are complete: one line per module, and no line without one."""

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "mmk12"
LINE = re.compile(r"(\w+)  +\S.*")
LISTS = ["conversion", "recipes", "runlog", "training", "verl_plugin"]
"""Packages that must keep such a list; others may."""


def listed(folder):
    """The names in the docstring of a package, or none if it keeps no list."""
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    names = [match[1] for line in text.splitlines() if (match := LINE.fullmatch(line))]
    return names if len(names) > 1 else []


def modules(folder):
    """The public modules and packages in a folder."""
    files = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    return {name for name in files if not name.startswith("_")}


WITH_LIST = sorted(path.parent for path in PACKAGE.rglob("__init__.py") if listed(path.parent))


def test_these_packages_keep_a_list():
    assert set(LISTS) <= {folder.name for folder in WITH_LIST}


@pytest.mark.parametrize("folder", WITH_LIST, ids=lambda folder: folder.relative_to(PACKAGE).as_posix())
def test_a_package_docstring_lists_every_module_once(folder):
    assert sorted(listed(folder)) == sorted(modules(folder))
