"""The tree of errors and the helpers that put an error into one line."""

import ast
import errno
from pathlib import Path

import pytest

import mmk12
from mmk12 import errors
from mmk12.errors import Mmk12Error, find_nearest, first_line, last_line, os_reason

PACKAGE = Path(mmk12.__file__).parent
BUILT_IN = {"Exception", "ValueError", "RuntimeError", "OSError", "LookupError", "TypeError"}


def declared_errors() -> dict[str, set[str]]:
    """Every exception class of the package and its bases, found without importing optional dependencies."""
    classes = {
        node.name: {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    }
    known = BUILT_IN
    while True:
        found = {name for name, bases in classes.items() if bases & known}
        if found <= known:
            return {name: classes[name] for name in found}
        known = known | found


def test_the_docstring_names_every_error_of_the_package() -> None:
    declared = declared_errors()
    assert {"Mmk12Error", "TrainingFailed", "PatchError", "SkipRow", "NoValue"} <= set(declared)
    tree, _, caught = (errors.__doc__ or "").partition("never leave the package")
    for name, bases in declared.items():
        subclass = name == "Mmk12Error" or bases & {"Mmk12Error"}
        assert f" {name} " in (tree if subclass else caught), f"{name} is missing in the docstring of mmk12/errors.py"


def test_every_error_of_the_tree_is_public() -> None:
    users = {name for name, bases in declared_errors().items() if name == "Mmk12Error" or "Mmk12Error" in bases}
    assert users <= set(mmk12.__all__)
    for name in users:
        assert issubclass(getattr(mmk12, name), Mmk12Error)


@pytest.mark.parametrize(
    ("error", "first", "last"),
    [
        (ValueError("one\n two \n"), "one", "two"),
        (ValueError(" \n\n"), "ValueError", "ValueError"),
        (KeyError(), "KeyError", "KeyError"),
        (RuntimeError("\nfirst\nlast"), "first", "last"),
    ],
)
def test_an_error_in_one_line(error: Exception, first: str, last: str) -> None:
    assert (first_line(error), last_line(error)) == (first, last)


def test_the_reason_of_the_operating_system() -> None:
    assert os_reason(FileNotFoundError(errno.ENOENT, "No such file or directory", "x")) == "no such file or directory"
    assert os_reason(OSError("Broken")) == "broken"


@pytest.mark.parametrize(
    ("name", "nearest"), [("mathvsta", "mathvista"), ("K12", "k12"), ("gpt2", None), ("", None), ("demmo", "demo")]
)
def test_the_nearest_known_name(name: str, nearest: str | None) -> None:
    assert find_nearest(name, ["mathvista", "k12", "demo", "mathverse"]) == nearest
