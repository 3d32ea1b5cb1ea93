"""The tree of errors and the helpers that put an error into one line."""

import ast
import errno
import pickle
from pathlib import Path

import pytest

import mmk12
from mmk12 import errors
from mmk12.errors import (
    MissingData,
    Mmk12Error,
    UnknownName,
    find_nearest,
    first_line,
    last_line,
    os_reason,
    refuse_misspelling,
)

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


def test_a_long_list_of_names_is_left_out_beside_a_suggestion() -> None:
    names = [f"name_{number}" for number in range(30)]
    assert str(UnknownName("recipe", "nam_17", names)) == "Unknown recipe 'nam_17'. Did you mean 'name_17'?"
    assert "Known: name_0, name_1," in str(UnknownName("recipe", "zzzz", names))
    assert str(UnknownName("stage", "laod", ["load", "cap"])).endswith("Did you mean 'load'? Known: cap, load.")


def test_only_a_near_miss_is_refused_as_a_misspelling(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownName, match=r"Unknown model 'demmo'\. Did you mean 'demo'"):
        refuse_misspelling("model", "demmo", ["demo", "demo-tuned"])
    for accepted in ("gpt2", "distilgpt2", "org/demmo", "./demmo"):
        refuse_misspelling("model", accepted, ["demo", "demo-tuned"])
    (tmp_path / "demmo").mkdir()
    refuse_misspelling("model", "demmo", ["demo", "demo-tuned"])


def test_missing_data_keeps_its_short_reason_on_the_way_between_processes() -> None:
    error = pickle.loads(pickle.dumps(MissingData("x: not here. Fetch it.", "not here")))  # noqa: S301
    assert (str(error), error.reason) == ("x: not here. Fetch it.", "not here")
    assert MissingData("gone").reason == "gone"
