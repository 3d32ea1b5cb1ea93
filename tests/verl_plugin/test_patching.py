"""Patches reach a module when it is imported, exactly once, and refuse what they were not written for."""

import importlib
import inspect
import sys

import pytest

from mmk12.verl_plugin import patching
from mmk12.verl_plugin.patching import PatchError, patch_when_imported, replace_method


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A package that can be patched: `library.inner` has a function, `library.outer` hands it on."""
    folder = tmp_path / "library"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "inner.py").write_text("def speak(word, times=1):\n    return word * times\n")
    (folder / "outer.py").write_text("from library.inner import speak\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(patching, "_waiting", {})
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "library"]:
        del sys.modules[name]


def loudly(original):
    return lambda word, times=1: original(word, times).upper()


def patch(module):
    replace_method(module, "speak", ["word", "times"], loudly)


@pytest.mark.usefixtures("library")
def test_a_patch_waits_for_its_module_and_reaches_who_imports_from_it():
    patch_when_imported("library.inner", patch)
    assert "library.inner" not in sys.modules
    assert importlib.import_module("library.outer").speak("ab", 2) == "ABAB"


@pytest.mark.usefixtures("library")
def test_several_patches_of_one_module_apply_in_order():
    patch_when_imported("library.inner", patch)
    patch_when_imported(
        "library.inner", lambda module: replace_method(module, "speak", ["word", "times"], lambda f: f"<{f('a')}>")
    )
    with pytest.raises(AttributeError):  # a text has no attributes to copy: the second patch saw the first one's work
        importlib.import_module("library.inner")


@pytest.mark.usefixtures("library")
def test_looking_for_a_module_does_not_use_its_patch_up():
    patch_when_imported("library.inner", patch)
    assert importlib.util.find_spec("library.inner") is not None
    assert importlib.import_module("library.inner").speak("a") == "A"


@pytest.mark.usefixtures("library")
def test_a_module_that_was_imported_before_is_refused():
    importlib.import_module("library.inner")
    with pytest.raises(PatchError, match=r"library\.inner was imported before"):
        patch_when_imported("library.inner", patch)


@pytest.mark.usefixtures("library")
def test_a_target_that_is_looked_up_at_each_call_may_be_patched_late():
    module = importlib.import_module("library.inner")
    patch_when_imported("library.inner", patch, late=True)
    assert module.speak("a") == "A"


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("name", "parameters", "told"),
    [
        ("speak", ["word"], r"inner\.speak takes \(word, times\), not \(word\)\. Install verl==0\.9\.1"),
        ("shout", ["word"], r"inner\.shout does not exist, not \(word\)"),
    ],
)
def test_a_target_that_is_not_as_expected_is_refused(name, parameters, told):
    module = importlib.import_module("library.inner")
    with pytest.raises(PatchError, match=told):
        replace_method(module, name, parameters, loudly)
    assert module.speak("a") == "a"


@pytest.mark.usefixtures("library")
def test_a_replacement_keeps_name_signature_and_attributes():
    module = importlib.import_module("library.inner")
    module.speak.dispatch = "all"
    patch(module)
    assert module.speak.__name__ == "speak"
    assert list(inspect.signature(module.speak).parameters) == ["word", "times"]
    assert module.speak.dispatch == "all"
