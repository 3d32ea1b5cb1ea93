"""Results depend on the code that decides them: a comment keeps a build, a changed rule redoes what it can affect."""

import ast
import shutil
from pathlib import Path

import pytest

import mmk12
from mmk12.curation import build_data, code_hash
from mmk12.curation.code_hash import find_dependencies, hash_code
from mmk12.curation.difficulty import VERIFIER_CODE
from mmk12.curation.pipeline import STAGES, STEPS
from tests.curation.test_pipeline import made, tree, work  # noqa: F401, the fixture

PACKAGE = Path(mmk12.__file__).parent
FILTERS = ("normalise", "verifiable", "duplicates", "decontaminate", "benchmark", "difficulty", "cap")


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the package, whose code is hashed instead of ours; returns its folder."""
    folder = tmp_path / "copy" / "mmk12"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors", "_content"))
    monkeypatch.setattr(code_hash, "PACKAGE", folder)
    return folder


def edit(path, old, new):
    text = path.read_text("utf-8")
    assert text.count(old) >= 1, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new, 1), "utf-8")
    ast.parse(path.read_text("utf-8"))


def change_rule(package):
    """Another verdict of the verifier: the first comparison of its rules gets another body."""
    path = package / "verifier" / "compare.py"
    path.write_text(path.read_text("utf-8") + "\n\nANOTHER_RULE = True\n", "utf-8")


def rerun(work):  # noqa: F811
    """The steps of a second build that were not taken from the first."""
    labels = set()
    made(work, progress=lambda label, count, total: labels.add(label.partition(" ")[0]))
    return labels


def test_a_comment_and_another_room_keep_every_stage(work, copy):  # noqa: F811
    made(work)
    before = tree(work / "out")
    with open(copy / "cli" / "demo.py", "a", encoding="utf-8") as file:
        file.write("\n# a comment\n\n\nANOTHER_CONSTANT = 1\n")
    edit(copy / "verifier" / "compare.py", "\n\n\ndef ", "\n\n\n# a comment in a rule\ndef ")
    edit(copy / "curation" / "filters.py", '"""Brings text', '"""Another docstring. Brings text')
    assert rerun(work) == {"export"}
    assert tree(work / "out") == before


def test_a_changed_rule_redoes_what_it_can_affect_and_the_bytes_stay(work, copy):  # noqa: F811
    made(work)
    before = tree(work / "out")
    change_rule(copy)
    assert rerun(work) == {*FILTERS[1:], "export"}
    after = tree(work / "out")
    assert {name for name in before if before[name] != after[name]} == {
        path for path in before if path.startswith(".stages/") and path[8] in "234567"
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "first"),
    [
        ("datasets/loader.py", "load"),
        ("utils/images.py", "load"),
        ("curation/filters.py", "normalise"),
        ("datasets/gold_check.py", "verifiable"),
        ("verifier/upstream_reward.py", "verifiable"),
        ("verifier/worker.py", "verifiable"),
        ("curation/similarity.py", "duplicates"),
        ("curation/decontamination.py", "decontaminate"),
        ("curation/benchmark_split.py", "benchmark"),
        ("inference/generate.py", "difficulty"),
        ("curation/sampling.py", "normalise"),
        ("cli/data.py", "export"),
        ("evaluation/pipeline.py", "export"),
        ("training/launcher.py", "export"),
        ("curation/data_card.py", "export"),
    ],
)
def test_a_change_reaches_from_its_stage_on(work, copy, file, first):  # noqa: F811
    made(work)
    with open(copy / file, "a", encoding="utf-8") as stream:
        stream.write("\n\nANOTHER_CONSTANT = 1\n")
    assert rerun(work) == set(STEPS[STEPS.index(first) :])


def test_no_stage_depends_on_the_command_line_or_on_another_room():
    for stage in STAGES:
        rooms = {name.split(".")[1] for name in find_dependencies(stage.__module__)}
        assert rooms.isdisjoint({"cli", "training", "evaluation", "plotting", "run_report", "verl_plugin", "_version"})


def test_verdicts_depend_on_all_rules_and_on_nothing_beside_them():
    modules = find_dependencies(*VERIFIER_CODE)
    assert {"mmk12.verifier.rules", "mmk12.verifier.compare", "mmk12.verifier.upstream_reward"} <= set(modules)
    assert {name.split(".")[1] for name in modules} <= {"verifier", "datasets", "utils", "types", "errors"}


def test_a_name_leads_to_the_module_that_defines_it(tmp_path):
    own = tmp_path / "own.py"
    own.write_text("from mmk12 import Source, verify\n")
    assert {"mmk12.datasets.declarations", "mmk12.verifier.rules"} <= set(find_dependencies(own))
    own.write_text("from mmk12.verifier import classify_gold\n")
    assert "mmk12.verifier.gold" in find_dependencies(own)
    assert "mmk12.verifier.rules" not in find_dependencies(own)


def test_files_of_one_name_count_apart(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "toy.py").write_text(f"NAME = {name!r}\n")
    both = [tmp_path / "one" / "toy.py", tmp_path / "other" / "toy.py"]
    before = hash_code(*both)
    both[1].write_text("NAME = 'third'\n")
    assert hash_code(*both) != before


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ('"""Other words."""\n\n\ndef one(x: int) -> int:\n    "says it"\n    # a comment\n    return (x + 1)\n', True),
        ('"""Words."""\n\n\ndef one(x: int) -> int:\n    return x + 2\n', False),
        ("def one(x: int) -> int:\n    return x + 1\n\n\nTWO = 'text'\n", False),
    ],
    ids=["words", "statement", "constant"],
)
def test_words_are_no_code(tmp_path, text, same):
    path = tmp_path / "x.py"
    path.write_text('"""Words."""\ndef one(x: int) -> int: return x + 1\n')
    before = hash_code(path)
    path.write_text(text)
    assert (hash_code(path) == before) is same


def test_a_library_counts_where_it_is_imported(tmp_path, monkeypatch):
    with_numpy, without = tmp_path / "a.py", tmp_path / "b.py"
    with_numpy.write_text("def f():\n    import numpy as np\n    return np.pi\n")
    without.write_text("import json\n")
    before = hash_code(with_numpy), hash_code(without)
    monkeypatch.setattr(code_hash, "_version", lambda library: "99")
    assert hash_code(with_numpy) != before[0]
    assert hash_code(without) == before[1]


def test_a_root_that_does_not_exist_is_an_error():
    with pytest.raises(ModuleNotFoundError, match=r"mmk12\.curation\.nothing"):
        hash_code("mmk12.curation.nothing")


def test_a_training_setting_of_the_recipe_keeps_the_data(work):  # noqa: F811
    made(work)
    with open(work / "mix.yaml", "a", encoding="utf-8") as file:
        file.write("hardware: {gpus: 4}\n")
    assert rerun(work) == {"export"}
    build_data(str(work / "mix.yaml"), raw_dir=work / "raw", out=work / "fresh")
    assert tree(work / "out") == tree(work / "fresh")
